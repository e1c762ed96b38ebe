"""SIGINT and SIGTERM as an exception that the runner can meet."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from bench.runner import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM raises :class:`Interrupted`; a second one meets what was there before.

    Python lets the main thread alone handle signals, so in any other nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) or signal.SIG_DFL for each in _SIGNALS}

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        restore()
        raise Interrupted(signal.Signals(number))

    for each in _SIGNALS:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        restore()
