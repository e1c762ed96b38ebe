"""The executor for this machine: one worker process per model, and one for all probes.

A model has a process of its own, so that it cannot affect another model's timing and its crash takes one trial
with it, not the suite. Probes have theirs, so that what they use does not count towards a trial's peak memory. A
worker ends when the runner does.
"""

import math
import time
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.schema import Epoch, Trial
from bench.runner.workers import processes
from bench.runner.workers.messages import Alive, TrialFailed, TrialFailure
from bench.runner.workers.worker import serve
from bench.training.result import OnEvent, Trained, TrialResult

STALL_S = 300.0
"""Seconds without a finished batch after which a worker counts as hung; whoever knows better gives ``--timeout``."""

CHECKS_S = 120.0
"""Seconds that a worker has for what is optional, once its training is over."""

GRACE_S = 10.0
"""Seconds that a worker has to end once it has closed its end of the connection."""

PROBE_WORKER = "all probes"  # a name that no model can have


class LocalExecutor:
    """Runs trials one after the other on this machine, each in the worker process of its model."""

    stopped: BaseException | None = None  # trials run in the main thread, which signals reach

    def __init__(self, data_dir: Path, fresh_workers: bool = False, stall_s: float = STALL_S) -> None:
        """Start no process yet.

        Args:
            data_dir: the folder that the workers read the data from.
            fresh_workers: every trial has a process of its own, started as if it were the only trial of a call.
            stall_s: seconds without a sign of life after which a worker is ended.
        """
        self._data_dir = data_dir
        self._fresh_workers = fresh_workers
        self._stall_s = stall_s
        self._context = processes.fresh() if fresh_workers else processes.forking()
        self._workers: dict[str, _Worker] = {}

    def run_trial(self, trial: Trial, on_event: OnEvent, timeout_s: float | None = None) -> TrialResult:
        """Run ``trial`` to its end.

        Raises:
            TrialFailed: it diverged, raised, took longer than ``timeout_s``, or its worker died.
        """
        result: TrialResult = self._run_in_worker(trial.model, trial, on_event, timeout_s)
        return result

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Run a probe on a trained model.

        Raises:
            TrialFailed: it raised, took longer than ``timeout_s``, or its worker died.
        """
        output: ProbeOutput = self._run_in_worker(PROBE_WORKER, task, lambda _: None, timeout_s)
        return output

    def _run_in_worker(
        self,
        name: str,
        request: Trial | ProbeTask,
        on_event: OnEvent,
        timeout_s: float | None,
    ) -> Any:
        worker = self._workers.get(name)
        if worker is None:
            worker = self._workers[name] = _Worker(self._context, self._data_dir, self._stall_s)
        reusable = False  # what failed may have left anything behind
        try:
            result = worker.run(request, on_event, timeout_s)
            reusable = not (self._fresh_workers or getattr(result, "leaves_traces", False))
            return result
        finally:
            if not reusable:
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

    def __init__(self, context: BaseContext, data_dir: Path, stall_s: float) -> None:
        self._stall_s = stall_s
        self._connection, child = context.Pipe()
        self.process = processes.start_process(context, serve, child, data_dir, time.monotonic())
        child.close()

    def run(self, request: Trial | ProbeTask, on_event: OnEvent, timeout_s: float | None) -> Any:
        """Send a trial or a probe and wait for its result; what comes before it is passed on as it comes."""
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        try:
            self._connection.send(request)
            while True:
                if not self._connection.poll(max(0.0, min(self._stall_s, deadline - time.monotonic()))):
                    self.kill()
                    stalled = f"no batch of training or evaluation was finished for {self._stall_s:g} s"
                    raise TrialFailed(
                        "timeout", f"not finished after {timeout_s:g} s" if time.monotonic() >= deadline else stalled
                    )
                message = self._connection.recv()
                if isinstance(message, Epoch | Trained):
                    on_event(message)
                    if isinstance(message, Trained):
                        deadline = time.monotonic() + CHECKS_S
                elif isinstance(message, TrialFailure):
                    raise TrialFailed(message.status, message.reason, message.log)
                elif not isinstance(message, Alive):
                    return message
        except (EOFError, ConnectionError):
            self.process.join(GRACE_S)
            ending = processes.describe_exit(self.process.exitcode)
            self.kill()
            raise TrialFailed("error", f"worker {ending}") from None

    def kill(self) -> None:
        """End the worker and every process that it started."""
        processes.kill(self.process)
