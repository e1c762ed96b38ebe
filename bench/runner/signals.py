"""SIGINT, SIGTERM and SIGHUP (the terminal is gone) as an exception that the runner can handle.

Python has the main thread alone handle signals, so in any other thread nothing here changes anything.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """One of these signals arrived; ``exit_code`` is the shell's convention, 128 + signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number
        self.signal_name = number.name
        self.exit_code = 128 + number


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Raise :class:`Interrupted` inside at the first of these signals; a second one meets the handler of before.

    What was ignored stays ignored, as nohup has it with SIGHUP.
    """
    with contextlib.ExitStack() as handlers:

        def interrupt(number: int, _frame: FrameType | None) -> None:
            handlers.close()
            raise Interrupted(signal.Signals(number))

        handlers.enter_context(_handled_by(interrupt))
        yield


@contextlib.contextmanager
def deferred_signals() -> Iterator[None]:
    """Hold these signals back until the body is done.

    A mask would not hold them back: it is one thread's, the system gives a signal to any other that takes it, and
    Python then calls the handler in the main thread all the same.
    """
    arrived: list[int] = []
    with _handled_by(lambda number, _frame: arrived.append(number)):
        yield
    if arrived:
        signal.raise_signal(arrived[0])


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _SIGNALS}
    for number, previous in before.items():
        if previous is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
