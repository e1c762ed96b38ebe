"""The executor for this machine: one worker process per model, and another for the probes of one model after the other.

A model has a process of its own, so that it cannot affect another model's timing or results, and its crash takes one
trial with it, not the suite. Probes have theirs, so that what they use does not count towards a trial's peak memory. A
worker ends when the runner does, or when it shows no sign of life for too long.
"""

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.common.errors import plain
from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.schema import Epoch, Trial
from bench.records.timing import ModelTimes, Round, TimingTask
from bench.runner.workers import processes
from bench.runner.workers.messages import Alive, RecordingFailure, TrialFailed, TrialFailure
from bench.runner.workers.worker import serve
from bench.training.result import OnEvent, Trained, TrialResult

if TYPE_CHECKING:
    from models import ModelSource

GRACE_S = 10.0
"""Seconds that a worker has to end once it has closed its end of the connection."""

CHECKS_S = 120.0
"""Seconds that a worker has for what is optional, once its training is over."""

STALL_S = 300.0
"""Seconds without a finished training step or evaluation batch after which a trial is given up."""
PROBE_STALL_S = 1800.0
"""The same for a probe, which also computes what is neither, as distorted images."""


class LocalExecutor:
    """Runs trials one after the other on this machine, each in the worker process of its model."""

    stopped: BaseException | None = None  # trials run in the main thread, which signals reach

    def __init__(
        self,
        data_dir: Path,
        fresh_workers: bool = False,
        sources: "Mapping[str, ModelSource] | None" = None,
        stall_s: float = STALL_S,
        probe_stall_s: float = PROBE_STALL_S,
    ) -> None:
        """Start no process yet.

        Args:
            data_dir: the folder that the workers read the data from.
            fresh_workers: every trial has a process of its own, started as if it were the only trial of a call.
            sources: where each model comes from; one that is not there is looked for in ``models`` by its name.
            stall_s: seconds without a sign of life after which a trial is given up.
            probe_stall_s: the same for a probe.
        """
        self._data_dir = data_dir
        self._fresh_workers = fresh_workers
        self._sources = sources or {}
        self._stall_s, self._probe_stall_s = stall_s, probe_stall_s
        self._context = processes.fresh() if fresh_workers else processes.forking()
        self._workers: dict[str, _Worker] = {}
        self._prober: tuple[str, _Worker] | None = None

    def run_trial(self, trial: Trial, on_event: OnEvent, timeout_s: float | None = None) -> TrialResult:
        """Run ``trial`` to its end.

        Raises:
            TrialFailed: it diverged, raised, took longer than ``timeout_s``, did nothing for too long, or its worker
                died.
        """
        worker = self._workers.get(trial.model)
        if worker is None:
            worker = self._workers[trial.model] = self._start()
        reusable = False  # what failed may have left anything behind
        try:
            result: TrialResult = worker.run(self._source(trial), trial, on_event, timeout_s, self._stall_s)
            reusable = not (self._fresh_workers or result.leaves_traces)
        finally:
            if not reusable:
                worker.kill()
                del self._workers[trial.model]
        return result

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Run a probe on a trained model.

        Raises:
            TrialFailed: it raised, took longer than ``timeout_s``, did nothing for too long, or its worker died.
        """
        worker = self._worker_for_probes(task.trial.model)
        reusable = False
        try:
            source = self._source(task.trial)
            output: ProbeOutput = worker.run(source, task, lambda _: None, timeout_s, self._probe_stall_s)
            reusable = not (self._fresh_workers or output.leaves_traces)
        finally:
            if not reusable:
                worker.kill()
                self._prober = None
        return output

    def run_rounds(
        self, trials: Sequence[Trial], rounds: int, seconds: float, timeout_s: float | None = None
    ) -> tuple[list[ModelTimes], None]:
        """Time the training steps of several models in turn, each in a process of its own.

        Args:
            seconds: of each round of a model, at least.
            timeout_s: seconds for each round, its preparation included; a model that takes longer is left out.

        Returns:
            The times of each model, as far as it got; and, in place of a node, that it was this machine.
        """
        times = {trial: ModelTimes(trial) for trial in trials}
        with contextlib.ExitStack() as stack:
            workers = {trial: self._start() for trial in trials}
            for worker in workers.values():
                stack.callback(worker.kill)
            for task_s in (0.0, *[seconds] * rounds):  # the first is the preparation
                for trial, worker in workers.items():
                    if not times[trial].note:
                        times[trial] = self._time(worker, times[trial], task_s, timeout_s)
        return list(times.values()), None

    def _time(self, worker: "_Worker", times: ModelTimes, seconds: float, timeout_s: float | None) -> ModelTimes:
        """Add a round to the times of a model, or the reason why it has no more; none where ``seconds`` is 0."""
        source, task = self._source(times.trial), TimingTask(times.trial, seconds)
        try:
            timed: Round = worker.run(source, task, lambda _: None, timeout_s, self._stall_s)
        except TrialFailed as failure:
            worker.kill()
            return replace(times, note=plain(failure.reason)[:300])
        return replace(times, rounds=[*times.rounds, timed]) if seconds else times

    def close(self) -> None:
        """End all workers, in the middle of a trial too."""
        for worker in (*self._workers.values(), *([self._prober[1]] if self._prober else [])):
            worker.kill()
        self._workers.clear()
        self._prober = None

    def _worker_for_probes(self, model: str) -> "_Worker":
        """The worker of the model that was probed last, or for another model a new one in its place."""
        if self._prober and self._prober[0] != model:
            self._prober[1].kill()
            self._prober = None
        if self._prober is None:
            self._prober = model, self._start()
        return self._prober[1]

    def _start(self) -> "_Worker":
        return _Worker(self._context, self._data_dir, min(5.0, self._stall_s / 4))

    def _source(self, trial: Trial) -> "ModelSource | None":
        return self._sources.get(trial.model)


class _Worker:
    """The runner's end of one worker process."""

    def __init__(self, context: BaseContext, data_dir: Path, alive_s: float) -> None:
        self._context, self._data_dir, self._alive_s = context, data_dir, alive_s
        self._start()

    def _start(self, refusal: str = "") -> None:
        """Start the process; ``refusal`` is the reason why it must record no CUDA graphs, if there is one."""
        self._refusal = refusal
        self._connection, child = self._context.Pipe()
        arguments = (child, self._data_dir, self._alive_s, time.monotonic(), refusal)
        self.process = processes.start_process(self._context, serve, *arguments)
        child.close()

    def run(
        self,
        source: "ModelSource | None",
        request: Trial | ProbeTask | TimingTask,
        on_event: OnEvent,
        timeout_s: float | None,
        stall_s: float,
    ) -> Any:
        """Send a request and wait for its result; what comes before it is passed on as it comes."""
        limit_s = math.inf if timeout_s is None else timeout_s
        deadline = time.monotonic() + limit_s
        try:
            self._connection.send((source, request))
            while True:
                message = self._receive(deadline, stall_s)
                if isinstance(message, Epoch | Trained):
                    on_event(message)
                    if isinstance(message, Trained):
                        limit_s = CHECKS_S
                        deadline = time.monotonic() + limit_s
                elif isinstance(message, RecordingFailure) and not self._refusal:
                    self.kill()
                    self._start(message.reason)
                    self._connection.send((source, request))
                elif isinstance(message, RecordingFailure):
                    raise TrialFailed("error", message.reason)
                elif isinstance(message, TrialFailure):
                    raise TrialFailed(message.status, message.reason, message.log)
                elif not isinstance(message, Alive):
                    return message
        except TimeoutError as silence:
            self.kill()
            raise TrialFailed("timeout", str(silence) or f"not finished after {limit_s:g} s") from None
        except (EOFError, ConnectionError):
            self.process.join(GRACE_S)
            ending = processes.describe_exit(self.process.exitcode)
            self.kill()
            raise TrialFailed("error", f"worker {ending}") from None

    def _receive(self, deadline: float, stall_s: float) -> Any:
        """Receive the next message.

        Raises:
            TimeoutError: none came for ``stall_s`` seconds, or, without a text, until ``deadline``.
        """
        seconds = max(0.0, deadline - time.monotonic())
        if self._connection.poll(min(seconds, stall_s)):
            return self._connection.recv()
        raise TimeoutError(f"no training step or evaluation batch was finished for {stall_s:g} s" * (seconds > stall_s))

    def kill(self) -> None:
        """End the worker and every process that it started."""
        processes.kill(self.process)
