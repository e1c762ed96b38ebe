"""mnist-bench: which of these models, at what cost, and how sure are you?

One half measures (``runner``, ``training``, ``probes``, ``throughput``) and writes records; the other reads them
(``analysis``, ``report``) and never imports torch. The README has a map of both.

In a notebook or a script: :func:`run` trains, :func:`load` gives the records as a data frame, :func:`show` the report;
a wrong call raises :class:`UserError`. They are imported at their first use, so that ``import bench`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from bench.common.package import claim_models

if TYPE_CHECKING:
    from bench.api import load, run, show
    from bench.common.errors import UserError
else:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return getattr(importlib.import_module("bench.api"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


claim_models()

__all__ = ["UserError", "load", "run", "show"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
