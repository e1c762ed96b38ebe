"""Measurements in processes of their own, which end with the call whatever happens."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, ParamSpec, TypeVar

from bench.runner.allocator import allocator_settings

Timer = Callable[[], float]
"""Trains for an epoch and gives its seconds."""

P = ParamSpec("P")
T = TypeVar("T")


@contextlib.contextmanager
def process() -> Iterator[ProcessPoolExecutor]:
    """Open a process, started at the first call; killed where the body is left by an exception, by Ctrl-C too."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _ignore_interrupts)
    try:
        yield pool
    except BaseException:
        for child in multiprocessing.active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def run_in_subprocess(measure: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``measure`` in a process of its own, with the allocator settings that training has."""
    with process() as pool, allocator_settings():
        return pool.submit(measure, *args, **kwargs).result()


@contextlib.contextmanager
def subprocess_timer(build: Callable[..., Timer], *arguments: Any, as_in_training: bool) -> Iterator[Timer]:
    """Open a timer in a process of its own; ``build`` makes it of ``arguments`` at the first call, and may raise then.

    Args:
        as_in_training: with the allocator settings that training has.
    """
    with process() as pool:

        def seconds() -> float:
            with allocator_settings() if as_in_training else contextlib.nullcontext():
                return pool.submit(_time, build, arguments).result()

        yield seconds


_timer: Timer | None = None


def _time(build: Callable[..., Timer], arguments: tuple[Any, ...]) -> float:
    """Call the one timer of this process; ``build`` makes it at the first call, and is not called again."""
    global _timer
    if _timer is None:
        _timer = build(*arguments)
    return _timer()


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the caller decides
