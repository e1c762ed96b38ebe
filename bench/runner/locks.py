"""Locks between calls on one results folder: one at a time does a piece of work; a lock ends with its process."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from bench.common.errors import UserError, cause_of

RETRY_S = 0.5


@contextlib.contextmanager
def one_at_a_time(
    folder: Path,
    results: Path,
    work: str,
    on_wait: Callable[[], object],
    stopped: Callable[[], BaseException | None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock of ``work`` on ``results`` between processes; waits until it is free.

    Args:
        folder: where the lock files lie: the data folder of this machine, so that results hold nothing but results.
            The operating system gives a lock up when its process ends, however it ends; the empty file stays.
        work: names the work, as the key of a trial does.
        on_wait: called once if another process holds it.
        stopped: gives the reason to stop waiting, or None; signals reach the main thread alone.

    Raises:
        UserError: the folder cannot be written.
        BaseException: what ``stopped`` gives.
    """
    folder_hash = hashlib.sha256(str(results.resolve()).encode()).hexdigest()[:8]
    lock = FileLock(folder / f"{folder_hash}-{work}.lock")
    _acquire(lock, on_wait, stopped)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock, on_wait: Callable[[], object], stopped: Callable[[], BaseException | None]) -> None:
    if _try_acquire(lock, within_s=0):
        return
    on_wait()
    while not _try_acquire(lock, within_s=RETRY_S):
        if reason := stopped():
            raise reason


def _try_acquire(lock: BaseFileLock, within_s: float) -> bool:
    folder = Path(lock.lock_file).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=within_s)
    except Timeout:
        return False
    except OSError as error:
        raise UserError(
            f"cannot lock {folder}: {cause_of(error)}; name a writable folder with --data-dir or MNIST_BENCH_DATA"
        ) from error
    return True
