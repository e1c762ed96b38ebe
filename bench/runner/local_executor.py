"""Where trials run. ``local``: one worker process per model, and one for all probes.

A model has a process of its own, so that it cannot colour another model's timing and its crash takes one trial
with it, not the suite. Probes have theirs, so that what they use does not count towards a trial's peak memory. A
worker ends when the runner does.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.common.errors import UserError
from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.schema import Epoch, Status, Trial
from bench.runner.allocator import allocator_settings

if TYPE_CHECKING:
    from bench.training.trial import TrialResult

GRACE_S = 10.0
"""Seconds that a worker has to end once it has closed its end of the connection."""

FOR_PROBES = "all probes"  # a name that no model can have

PRELOADED = ["bench.training.trial", "bench.probes.execute", "torch._dynamo"]
"""What a process that only forks imports once, so that no worker waits for torch; it computes nothing itself.

torch imports the last, which takes a second, when FLOPs are first counted.
"""


class TrialFailed(Exception):
    """The trial did not finish; ``log`` is what its author needs to mend it, a traceback if there is one."""

    def __init__(self, status: Status, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.status: Status = status
        self.reason = reason
        self.log = log


@dataclass(frozen=True)
class _Failure:
    status: Status
    reason: str
    log: str


class LocalExecutor:
    """Runs trials one after the other on this machine, each in the worker process of its model."""

    stopped: BaseException | None = None  # it is asked in the main thread, which signals reach

    def __init__(self, data_dir: Path, fresh_workers: bool = False) -> None:
        """``fresh_workers`` gives every trial a process of its own, started as if each were a call of its own."""
        self._data_dir = data_dir
        self._fresh_workers = fresh_workers
        forks = not fresh_workers and "forkserver" in multiprocessing.get_all_start_methods()
        self._context: BaseContext = multiprocessing.get_context("forkserver" if forks else "spawn")
        if forks:
            self._context.set_forkserver_preload(PRELOADED)
        self._workers: dict[str, _Worker] = {}

    def submit(self, trial: Trial, on_epoch: Callable[[Epoch], None], timeout_s: float | None = None) -> "TrialResult":
        """Run ``trial`` to its end.

        Raises:
            TrialFailed: it diverged, raised, took longer than ``timeout_s``, or its worker died.
        """
        outcome: TrialResult = self._ask(trial.model, trial, on_epoch, timeout_s)
        return outcome

    def answer(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Put a probe to a trained model.

        Raises:
            TrialFailed: it raised, took longer than ``timeout_s``, or its worker died.
        """
        output: ProbeOutput = self._ask(FOR_PROBES, task, lambda _: None, timeout_s)
        return output

    def _ask(
        self, whom: str, message: Trial | ProbeTask, on_epoch: Callable[[Epoch], None], timeout_s: float | None
    ) -> Any:
        worker = self._workers.get(whom)
        if worker is None:
            worker = self._workers[whom] = _Worker(self._context, self._data_dir)
        try:
            return worker.ask(message, on_epoch, timeout_s)
        finally:
            if self._fresh_workers:
                worker.kill()
            if not worker.process.is_alive():
                del self._workers[whom]

    def close(self) -> None:
        """End all workers, in the middle of a trial too."""
        for worker in self._workers.values():
            worker.kill()
        self._workers.clear()


class _Worker:
    """The runner's end of one worker process."""

    def __init__(self, context: BaseContext, data_dir: Path) -> None:
        self._connection, child = context.Pipe()
        self.process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(child, data_dir, time.monotonic()), daemon=True
        )
        with allocator_settings(), _no_main_module(), _interrupt_blocked():
            self.process.start()
        child.close()

    def ask(self, request: Trial | ProbeTask, on_epoch: Callable[[Epoch], None], timeout_s: float | None) -> Any:
        """Send a trial or a probe and wait for its outcome; epochs are passed on as they come."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            self._connection.send(request)
            while True:
                if not self._connection.poll(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    self.kill()
                    raise TrialFailed("timeout", f"not finished after {timeout_s:g} s")
                message = self._connection.recv()
                if isinstance(message, Epoch):
                    on_epoch(message)
                elif isinstance(message, _Failure):
                    raise TrialFailed(message.status, message.reason, message.log)
                else:
                    return message
        except (EOFError, ConnectionError):
            self.process.join(GRACE_S)
            how = _how_it_ended(self.process.exitcode)
            self.kill()
            raise TrialFailed("error", f"worker {how}") from None

    def kill(self) -> None:
        """End the worker and what it started."""
        started = _descendants(self.process.pid)
        self.process.kill()
        self.process.join()
        _kill(started)


@contextlib.contextmanager
def _interrupt_blocked() -> Iterator[None]:
    """Processes started inside see neither Ctrl-C nor that the terminal is gone: the runner alone decides what ends.

    They keep the mask; a handler would come too late for the process that imports torch before it runs our code.
    """
    resource_tracker.ensure_running()  # at its own start it would take the block away again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Processes started inside do not run the caller's script again, which need not guard itself against that.

    They import what they need by name; multiprocessing would have them import ``__main__`` as well.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def end_forkserver() -> None:
    """End the process that workers are forked from, if there is one; the next worker starts it again.

    It holds the code as it was when it began. A command ends with it; a notebook lives on, and whoever edits a model
    between two runs there wants the second to train what is in the file, as the record will say it did. Processes that
    others had forked from it would be waited for, so beside any it is left alone.
    """
    if "forkserver" in multiprocessing.get_all_start_methods() and not multiprocessing.active_children():
        from multiprocessing import forkserver

        forkserver._forkserver._stop()  # type: ignore[attr-defined]


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is None:
        return "hung up without ending"
    if exitcode == -signal.SIGKILL:
        return "killed by SIGKILL (as the system does when memory runs out)"
    if exitcode < 0:
        named = -exitcode in set(signal.Signals)  # signals for real-time use have numbers alone
        return f"killed by {signal.Signals(-exitcode).name if named else f'signal {-exitcode}'}"
    return f"ended with exit code {exitcode}"


def _descendants(pid: int | None) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _serve(connection: Connection, data_dir: Path, started: float) -> None:
    """The worker: take a trial or a probe, send its epochs, send its outcome; again until the runner is gone."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # standard output belongs to the runner's results
    threading.Thread(target=_end_with_runner, daemon=True).start()
    from bench.probes.execute import execute_probe
    from bench.training.trial import execute

    startup_s = time.monotonic() - started
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            if isinstance(request, ProbeTask):
                connection.send(execute_probe(request, data_dir))
            else:
                connection.send(execute(request, data_dir, connection.send, startup_s))
        except BaseException as error:  # a model may raise anything, SystemExit too
            connection.send(_describe(error))
        startup_s = 0.0


def _describe(error: BaseException) -> _Failure:
    from bench.training.train import DivergedError

    if isinstance(error, DivergedError):
        return _Failure("diverged", str(error), "")
    if isinstance(error, UserError):
        return _Failure("error", str(error), "")
    # format_exception_only copes with an exception that cannot say what it is
    reason = " ".join("".join(traceback.format_exception_only(error)).split())
    return _Failure("error", reason, "".join(traceback.format_exception(error)))


def _end_with_runner() -> None:
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
    _kill(_descendants(os.getpid()))
    os._exit(1)
