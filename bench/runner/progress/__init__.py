"""The progress of the trials, at a terminal, in a notebook, or as plain lines."""

import sys

from bench.runner.progress.outputs import Lines, Notebook, Terminal
from bench.runner.progress.progress import Progress

__all__ = ["Progress", "make_progress"]


def make_progress(at_once: int = 1) -> Progress:
    """Make a progress with a bar in a notebook or where standard error is a terminal, with plain lines otherwise.

    Args:
        at_once: how many trials run side by side.
    """
    if _in_notebook():
        return Progress(Notebook(), at_once)
    return Progress(Terminal() if sys.stderr.isatty() else Lines(), at_once)


def _in_notebook() -> bool:
    """Whether a kernel runs this process: not in IPython at a terminal, nor where IPython was never imported."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
