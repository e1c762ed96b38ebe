"""Measurements in processes of their own, that end with the call whatever happens."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, ParamSpec, TypeVar

from bench.executors import allocator_settings

P = ParamSpec("P")
T = TypeVar("T")


@contextlib.contextmanager
def process(ready: Callable[..., object] | None = None, *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """A process that first calls ``ready``; killed where the body is left by an exception, by Ctrl-C too."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin, (ready, arguments))
    try:
        yield pool
    except BaseException:
        for child in multiprocessing.active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def measured_apart(measure: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``measure`` gives in a process of its own, with the allocator settings that training has."""
    with process() as pool, allocator_settings():
        return pool.submit(measure, *args, **kwargs).result()


def _begin(ready: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the caller decides
    if ready:
        ready(*arguments)
