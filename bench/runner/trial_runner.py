"""Trials -> executor -> records: decide what to run and in which order, and write down what happened.

It knows neither torch nor the report: the trials come from :mod:`bench.runner.plan` and are carried out by an executor,
and the caller is told when a round of seeds is complete.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from bench.common.atomic import remove_leftovers, write_atomically
from bench.common.errors import UserError, cause_of, plain
from bench.records.fields import Status
from bench.records.schema import Epoch, Run, Trial, artifact_names, run_stem, trial_id
from bench.records.storage import check_writable, done_since, load_runs, save_run
from bench.records.surroundings import Surroundings
from bench.runner.cache_key import run_key
from bench.runner.locks import one_at_a_time
from bench.runner.monitor import monitor
from bench.runner.nodes import Event, NodeDescription, ParallelMap
from bench.runner.probe_runner import expected_probe, pending_probes
from bench.runner.progress import Progress
from bench.runner.run_context import RunContext
from bench.runner.signals import Interrupted, deferred_signals
from bench.runner.workers.messages import TrialFailed
from bench.training.result import Trained, TrialResult


class Executor(Protocol):
    """Runs a trial somewhere and reports its events; see :class:`bench.runner.workers.executor.LocalExecutor`."""

    @property
    def stopped(self) -> BaseException | None:
        """The reason why the run ends, for threads that no signal reaches; None while it goes on."""

    def run_trial(self, trial: Trial, on_event: Callable[[Event], None], timeout_s: float | None = None) -> TrialResult:
        """Train, calling ``on_event`` after each epoch; after ``timeout_s`` seconds the trial is given up.

        Raises:
            TrialFailed: it did not finish, for whatever reason lies in the trial.
            Interrupted: the run is being stopped.
        """

    def close(self) -> None:
        """End every process that was started."""


@dataclass
class Summary:
    """The result of one call: runs by what became of them, and a line for each probe that failed."""

    done: list[Run] = field(default_factory=list)
    failed: list[Run] = field(default_factory=list)
    skipped: list[Run] = field(default_factory=list)
    failed_probes: list[str] = field(default_factory=list)


def run_trials(
    trials: Sequence[Trial],
    context: RunContext,
    executor: Executor,
    progress: Progress,
    on_round: Callable[[Summary], object] = lambda _: None,
    parallel_map: ParallelMap = map,
) -> Summary:
    """Run what is not done yet; a failed trial does not stop the others.

    Args:
        on_round: called between the rounds of seeds with what was done so far, for the probes and the report.
        parallel_map: calls a function with each trial; ``map``: in this thread, one after the other.

    Raises:
        UserError: the results folder cannot be written. What was finished before is kept.
        Interrupted: after the record of the running trial has been written.
    """
    check_writable(context.results)
    remove_leftovers(context.results)
    summary = Summary()
    records = load_runs(context.results)[0]
    done = {} if context.force else {run.key: run for run in records if run.status == "done"}
    pending = pending_probes(done.values(), context)
    # a pending probe without weights (in a fresh clone) can only be run on a model that is trained again
    lost = {probe.run.key for probe in pending if not probe.has_weights}
    finished = {key: run for key, run in done.items() if key not in lost}
    keys = {trial: context.keys(trial) for trial in trials}
    done_before = {trial: [finished[key] for key in keys[trial] if key in finished] for trial in trials}
    todo = [trial for trial in trials if not done_before[trial]]
    summary.skipped = [done_before[trial][0] for trial in trials if done_before[trial]]
    progress.start(todo, len(summary.skipped))
    progress.expect(expected_probe(name, trial, context) for trial in todo for name in context.probes_of(trial))
    skipped = {run.stem for run in summary.skipped}
    progress.expect(
        expected_probe(probe.probe, probe.run.trial, context) for probe in pending if probe.run.stem in skipped
    )
    known = {record.stem for record in records}

    def run_unless_done(trial: Trial) -> tuple[list[Run], Run]:
        """Run ``trial``; gives the part of the summary that its run belongs to, and the run."""
        with _trial_lock(trial, keys[trial][0], context, executor, progress):
            concurrent_run = None if context.force else done_since(context.results, keys[trial], known)
            if concurrent_run:
                progress.trial_skipped(trial)
                return summary.skipped, concurrent_run
            run = run_one(trial, keys[trial][0], context, executor, progress)
            progress.trial_done(run)
            if run.status == "done":
                return summary.done, run
            for name in context.probes_of(trial):
                progress.work_done((name, trial.model))
            return summary.failed, run

    open_seeds = Counter(trial.seed for trial in todo)
    for part, run in parallel_map(run_unless_done, todo):
        part.append(run)
        open_seeds[run.trial.seed] -= 1
        if not open_seeds[run.trial.seed] and open_seeds.total():
            on_round(summary)
    return summary


def _trial_lock(
    trial: Trial, key: str, context: RunContext, executor: Executor, progress: Progress
) -> AbstractContextManager[None]:
    """Hold back other calls on the same folder from training this trial meanwhile."""
    on_wait = partial(progress.note, f"{trial.model} seed {trial.seed}: another call is training it; waiting for that")
    return one_at_a_time(context.locks, context.results, key, on_wait, lambda: executor.stopped)


def run_one(trial: Trial, key: str, context: RunContext, executor: Executor, progress: Progress) -> Run:
    """Run one trial and write its record, whatever its status."""
    attempt = _Attempt(trial, key, context, started_at=context.now(), stop_monitoring=monitor(trial.device))

    def on_event(event: Event) -> None:
        if isinstance(event, Epoch):
            attempt.epochs.append(event)
            progress.epoch_done(trial, event)
        elif isinstance(event, Trained):
            attempt.trained = event.result
        elif isinstance(event, NodeDescription):
            if attempt.epochs:
                progress.trial_restarted(trial, len(attempt.epochs))
            attempt.start_on(event)
        else:
            attempt.stop_monitoring = lambda: event

    progress.trial_started(trial)
    try:
        result = executor.run_trial(trial, on_event, context.timeout_s)
    except TrialFailed as failure:
        if attempt.trained:  # what failed is optional
            return attempt.save_done(attempt.trained)
        return attempt.save_failed(failure.status, failure.reason, failure.log)
    except Interrupted as interruption:
        if attempt.trained:
            attempt.save_done(attempt.trained)
        else:
            attempt.save_failed("interrupted", f"stopped by {interruption.signal_name}")
        raise
    return attempt.save_done(result)


@dataclass
class _Attempt:
    """A trial under way, and the writing of its record."""

    trial: Trial
    key: str
    context: RunContext
    started_at: datetime
    stop_monitoring: Callable[[], Surroundings | None]
    epochs: list[Epoch] = field(default_factory=list)
    trained: TrialResult | None = None

    def start_on(self, node: NodeDescription) -> None:
        """Start on a node of a cluster, perhaps for the second time; the events before are dropped."""
        self.context = replace(self.context, machine=node.machine, environment=node.environment)
        self.key = run_key(self.trial, self.context.data, self.context.code, node.machine, node.allocator)
        self.started_at = self.context.now()
        self.stop_monitoring = lambda: None
        self.epochs = []
        self.trained = None

    def save_done(self, result: TrialResult) -> Run:
        stem = run_stem(self.trial, self.key, self.started_at)
        run = self._run(
            status="done",
            model=result.model,
            result=result.result,
            execution=result.execution,
            flags=result.flags,
            clock=result.clock,
            memory=result.memory,
            artifacts=artifact_names(stem, self.trial.model in self.context.brought),
        )
        return self._save(run, result)

    def save_failed(self, status: Status, reason: str, log: str = "") -> Run:
        return self._save(self._run(status=status, error=plain(reason)), log=log)

    def _run(self, **parts: Any) -> Run:
        return Run(
            trial_id=trial_id(self.trial, self.context.data),
            key=self.key,
            started_at=self.started_at,
            finished_at=self.context.now(),
            trial=self.trial,
            epochs=self.epochs,
            environment=self.context.environment,
            surroundings=self.stop_monitoring(),
            machine=self.context.machine,
            git=self.context.git,
            data=self.context.data,
            **parts,
        )

    def _save(self, run: Run, result: TrialResult | None = None, log: str = "") -> Run:
        results = self.context.results
        try:
            with deferred_signals():
                source = self.context.brought.get(self.trial.model)
                artifacts = (result.predictions, result.weights, source) if result else ()
                path = save_run(results, run, *artifacts)
                if log:
                    write_atomically(path.with_suffix(".log"), log)
        except OSError as error:
            raise UserError(
                f"cannot write the run of {self.trial.model}, seed {self.trial.seed}, to {results}: {cause_of(error)}; "
                "runs finished before are kept; make room or name another folder with --results"
            ) from error
        return run
