"""The executor for this machine: one worker process per model, and one for all probes.

A model has a process of its own, so that it cannot affect another model's timing and its crash takes one trial
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
from bench.records.fields import Status
from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.schema import Epoch, Trial
from bench.runner.allocator import allocator_settings

if TYPE_CHECKING:
    from bench.training.trial import TrialResult

CHECKS_S = 120.0
"""Seconds that a worker has for what is optional, once its training is over."""

GRACE_S = 10.0
"""Seconds that a worker has to end once it has closed its end of the connection."""

PROBE_WORKER = "all probes"  # a name that no model can have

PRELOADED = ["bench.training.trial", "bench.probes.execute", "torch._dynamo"]
"""Modules that a process which only forks imports once, so that no worker waits for torch; it computes nothing itself.

torch imports the last, which takes a second, when FLOPs are first counted.
"""


class TrialFailed(Exception):
    """The trial did not finish; ``log`` is what the model's author needs to repair it, a traceback if there is one."""

    def __init__(self, status: Status, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.status: Status = status
        self.reason = reason
        self.log = log


@dataclass(frozen=True)
class TrialFailure:
    """The content of :class:`TrialFailed`, as one process sends it to another."""

    status: Status
    reason: str
    log: str


class LocalExecutor:
    """Runs trials one after the other on this machine, each in the worker process of its model."""

    stopped: BaseException | None = None  # trials run in the main thread, which signals reach

    def __init__(self, data_dir: Path, fresh_workers: bool = False) -> None:
        """Start no process yet.

        Args:
            data_dir: the folder that the workers read the data from.
            fresh_workers: every trial has a process of its own, started as if it were the only trial of a call.
        """
        self._data_dir = data_dir
        self._fresh_workers = fresh_workers
        forks = not fresh_workers and "forkserver" in multiprocessing.get_all_start_methods()
        self._context: BaseContext = multiprocessing.get_context("forkserver" if forks else "spawn")
        if forks:
            self._context.set_forkserver_preload(PRELOADED)
        self._workers: dict[str, _Worker] = {}

    def run_trial(
        self, trial: Trial, on_epoch: Callable[[Epoch], None], timeout_s: float | None = None
    ) -> "TrialResult":
        """Run ``trial`` to its end.

        Raises:
            TrialFailed: it diverged, raised, took longer than ``timeout_s``, or its worker died.
        """
        result: TrialResult = self._run_in_worker(trial.model, trial, on_epoch, timeout_s)
        return result

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Run a probe on a trained model.

        Raises:
            TrialFailed: it raised, took longer than ``timeout_s``, or its worker died.
        """
        output: ProbeOutput = self._run_in_worker(PROBE_WORKER, task, lambda _: None, timeout_s)
        return output

    def _run_in_worker(
        self, name: str, request: Trial | ProbeTask, on_epoch: Callable[[Epoch], None], timeout_s: float | None
    ) -> Any:
        worker = self._workers.get(name)
        if worker is None:
            worker = self._workers[name] = _Worker(self._context, self._data_dir)
        worn = self._fresh_workers
        try:
            result = worker.run(request, on_epoch, timeout_s)
            worn = self._fresh_workers or getattr(result, "leaves_traces", False)
            return result
        finally:
            if worn:
                worker.kill()
            if not worker.process.is_alive():
                del self._workers[name]

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

    def run(self, request: Trial | ProbeTask, on_epoch: Callable[[Epoch], None], timeout_s: float | None) -> Any:
        """Send a trial or a probe and wait for its result; epochs are passed on as they come."""
        from bench.training.trial import Trained

        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        trained: TrialResult | None = None
        try:
            self._connection.send(request)
            while True:
                if not self._connection.poll(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    self.kill()
                    if trained:
                        return trained
                    raise TrialFailed("timeout", f"not finished after {timeout_s:g} s")
                message = self._connection.recv()
                if isinstance(message, Epoch):
                    on_epoch(message)
                elif isinstance(message, Trained):
                    trained = message.result
                    deadline = time.monotonic() + CHECKS_S
                elif isinstance(message, TrialFailure):
                    if trained:
                        return trained
                    raise TrialFailed(message.status, message.reason, message.log)
                else:
                    return message
        except (EOFError, ConnectionError):
            self.process.join(GRACE_S)
            ending = _describe_exit(self.process.exitcode)
            self.kill()
            if trained:
                return trained
            raise TrialFailed("error", f"worker {ending}") from None

    def kill(self) -> None:
        """End the worker and every process that it started."""
        started = _descendants(self.process.pid)
        self.process.kill()
        self.process.join()
        _kill(started)


@contextlib.contextmanager
def _interrupt_blocked() -> Iterator[None]:
    """Start processes inside that see neither Ctrl-C nor a closed terminal: the runner alone decides what ends.

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
    """Start processes inside that do not run the caller's script again, which need not guard itself against that.

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


def _describe_exit(exitcode: int | None) -> str:
    if exitcode is None:
        return "hung up without ending"
    if exitcode == -signal.SIGKILL:
        return "killed by SIGKILL (as the system does when memory runs out)"
    if exitcode < 0:
        has_name = -exitcode in set(signal.Signals)  # signals for real-time use have numbers alone
        return f"killed by {signal.Signals(-exitcode).name if has_name else f'signal {-exitcode}'}"
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
    """Run the worker: receive a trial or a probe, send its epochs and its result; again until the runner is gone."""
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
            connection.send(_failure_of(error))
        startup_s = 0.0


def _failure_of(error: BaseException) -> TrialFailure:
    from bench.training.train import DivergedError

    if isinstance(error, DivergedError):
        return TrialFailure("diverged", str(error), "")
    if isinstance(error, UserError):
        return TrialFailure("error", str(error), "")
    # format_exception_only copes with an exception that cannot say what it is
    reason = " ".join("".join(traceback.format_exception_only(error)).split())
    return TrialFailure("error", reason, "".join(traceback.format_exception(error)))


def _end_with_runner() -> None:
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
    _kill(_descendants(os.getpid()))
    os._exit(1)
