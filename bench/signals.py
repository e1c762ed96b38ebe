"""SIGINT and SIGTERM as an exception that the runner can meet."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from bench.runner import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM raises :class:`Interrupted`; a second one ends the program at once."""
    for each in _SIGNALS:
        signal.signal(each, _interrupt)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(signal.Signals(number).name, 128 + number)
