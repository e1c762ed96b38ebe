"""SIGINT, SIGTERM and SIGHUP (the terminal is gone) as an exception that the runner can meet."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from bench.runner import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first of these raises :class:`Interrupted`; a second one meets what was there before.

    What was ignored stays ignored, as nohup has it with SIGHUP.

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

    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, interrupt)
    try:
        yield
    finally:
        restore()
