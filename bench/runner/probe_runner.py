"""Finished runs -> probes -> records: run the probes that have no record yet, and write the results down."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.common.errors import UserError, cause_of
from bench.common.untrusted import leads_out
from bench.data.registry import find_dataset
from bench.probes.registry import PROBES
from bench.records.probes import ProbeOutput, ProbeRecord, ProbeTask, load_probes, probe_path, probe_stem, save_probe
from bench.records.schema import Run, Trial
from bench.records.storage import load_predictions, runs_dir
from bench.runner.cache_key import probe_key
from bench.runner.locks import one_at_a_time
from bench.runner.nodes import ParallelMap
from bench.runner.progress import Expected, Progress
from bench.runner.progress.eta import EVALUATION, TEST_IMAGES
from bench.runner.run_context import RunContext
from bench.runner.workers.messages import TrialFailed

NOT_REBUILT = ("not_in_weights", "answers_differ", "evaluation_changes")
"""Flags of runs whose trained model nobody can build anew, or that is another after some evaluations."""


class ProbeExecutor(Protocol):
    """Runs a probe on a trained model somewhere; see :class:`bench.runner.workers.executor.LocalExecutor`."""

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Run the probe; after ``timeout_s`` seconds it is given up.

        Raises:
            TrialFailed: it has no result.
            Interrupted: the run is being stopped.
        """

    @property
    def stopped(self) -> BaseException | None:
        """The reason why the run ends; None while it goes on."""


@dataclass(frozen=True)
class PendingProbe:
    """A probe of a finished run that has no record yet."""

    run: Run
    probe: str
    key: str
    task: ProbeTask

    @property
    def has_weights(self) -> bool:
        """Whether the weights are there, and not somewhere else by a link."""
        return self.task.weights.is_file() and not leads_out(self.task.weights.parent, self.task.weights)

    @property
    def stem(self) -> str:
        """The file name of its record to be, without ending."""
        return probe_stem(self.probe, self.run.stem, self.key)

    def is_recorded(self, context: RunContext) -> bool:
        """Whether another call has recorded it meanwhile."""
        return any(probe_path(context.results, machine, self.stem).is_file() for machine in context.machines)

    def __str__(self) -> str:
        return f"{self.probe} of {self.run.trial.model} seed {self.run.trial.seed}"


def pending_probes(runs: Iterable[Run], context: RunContext) -> list[PendingProbe]:
    """The context's probes of finished ``runs`` that have no record yet."""
    candidates = [_pending_probe(run, probe, context) for run in runs for probe in context.probes_of(run.trial)]
    if not candidates:
        return []
    recorded = {record.key for record in load_probes(context.results)[0]}
    return [pending for pending in candidates if pending.key not in recorded]


def expected_probe(name: str, trial: Trial, context: RunContext) -> Expected:
    """Estimate what a probe of the model of ``trial`` takes."""
    cost, images = PROBES[name].cost, context.probe_images
    train_images = min(context.probe_train_images, trial.train_size)
    trained = cost.trainings * trial.epochs * train_images
    trains = PROBES[name].trains
    share = train_images / find_dataset(trial.dataset).train_size if trains else images / TEST_IMAGES
    return Expected((name, trial.model), trained + cost.evaluations * EVALUATION * images, cost.seconds * share)


def run_probes(
    runs: Iterable[Run],
    context: RunContext,
    executor: ProbeExecutor,
    progress: Progress,
    parallel_map: ParallelMap = map,
) -> list[str]:
    """Run and record every pending probe of ``runs``; gives a line for each that failed.

    Args:
        parallel_map: calls a function with each probe; ``map``: in this thread, one after the other.

    Raises:
        UserError: the results folder cannot be written.
    """
    probes, failures = pending_probes(runs, context), []

    def run_unless_recorded(pending: PendingProbe) -> tuple[PendingProbe, float | None]:
        """The probe and its seconds; None where another call has recorded it meanwhile, or the probe failed."""
        on_wait = partial(progress.note, f"{pending}: another call is running it; waiting for that")
        with one_at_a_time(context.locks, context.results, pending.key, on_wait, lambda: executor.stopped):
            if pending.is_recorded(context):
                return pending, None
            try:
                return pending, _run_and_record(pending, context, executor).seconds
            except TrialFailed as failure:
                failures.append(f"{pending}: {failure.reason}")
                return pending, None

    for number, (pending, seconds) in enumerate(parallel_map(run_unless_recorded, probes), 1):
        line = "" if seconds is None else f"[{number}/{len(probes)}] {pending} {seconds:.1f} s"
        progress.work_done((pending.probe, pending.run.trial.model), seconds, line)
    return failures


def _run_and_record(pending: PendingProbe, context: RunContext, executor: ProbeExecutor) -> ProbeRecord:
    started_at, start = context.now(), time.monotonic()
    output = executor.run_probe(_with_answers(pending, context.results), context.timeout_s)
    record = ProbeRecord(
        probe=pending.probe,
        key=pending.key,
        run=pending.run.stem,
        images=pending.task.images,
        train_images=pending.task.train_images,
        numbers=output.numbers,
        notes=output.notes,
        arrays=f"{pending.stem}.npz" if output.arrays else None,
        seconds=time.monotonic() - start,
        started_at=started_at,
        machine=output.machine or context.machine,
        git=context.git,
    )
    _save(context.results, record, output.arrays)
    return record


def _with_answers(pending: PendingProbe, results: Path) -> ProbeTask:
    """Add what the run stored of the trained model's answers, and what its checks say of them.

    Raises:
        TrialFailed: the run has no weights that could be tried.
    """
    run = pending.run
    if reason := run.execution and run.execution.left_out.get("weights"):
        raise TrialFailed("error", f"the run's weights could not be stored ({reason}), so there is nothing to probe")
    doubts = tuple(flag.note for flag in run.flags if flag.name in NOT_REBUILT)
    return replace(pending.task, answers=load_predictions(results, run), doubts=doubts)


def _pending_probe(run: Run, probe: str, context: RunContext) -> PendingProbe:
    images = min(context.probe_images, run.result.test_size if run.result else 0)
    train_images = min(context.probe_train_images, run.trial.train_size) if PROBES[probe].trains else 0
    weights = runs_dir(context.results, run.machine) / (run.artifacts.weights if run.artifacts else "none")
    key = probe_key(probe, context.code, run, images, train_images)
    return PendingProbe(run, probe, key, ProbeTask(probe, run.trial, weights, images, train_images))


def _save(results: Path, record: ProbeRecord, arrays: dict[str, np.ndarray]) -> None:
    try:
        save_probe(results, record, arrays)
    except OSError as error:
        raise UserError(
            f"cannot write {record.stem} to {results}: {cause_of(error)}; what was finished before is kept"
        ) from error
