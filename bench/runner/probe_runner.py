"""Finished runs -> probes -> records: asks what has not been answered yet, and writes the answers down."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.common.errors import UserError
from bench.common.untrusted import leads_out
from bench.probes.registry import PROBES
from bench.records.probes import ProbeOutput, ProbeRecord, ProbeTask, load_probes, probe_path, probe_stem, save_probe
from bench.records.schema import Run
from bench.records.storage import runs_dir
from bench.runner.cache_key import probe_key
from bench.runner.local_executor import TrialFailed
from bench.runner.locks import one_at_a_time
from bench.runner.nodes import ParallelMap
from bench.runner.run_context import RunContext


class ProbeExecutor(Protocol):
    """Puts a probe to a model somewhere; see :class:`bench.runner.local_executor.LocalExecutor`."""

    def answer(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """What the probe found; after ``timeout_s`` seconds it is given up.

        Raises:
            TrialFailed: there is no answer.
            Interrupted: the run is being stopped.
        """

    @property
    def stopped(self) -> BaseException | None:
        """Why the run ends, or None."""


@dataclass(frozen=True)
class PendingProbe:
    """A probe that a run has not answered."""

    run: Run
    probe: str
    key: str
    task: ProbeTask

    @property
    def can_be_asked(self) -> bool:
        """The weights are there, and not somewhere else by a link."""
        return self.task.weights.is_file() and not leads_out(self.task.weights.parent, self.task.weights)

    @property
    def stem(self) -> str:
        """Of the record that will answer it."""
        return probe_stem(self.probe, self.run.stem, self.key)

    def is_answered(self, context: RunContext) -> bool:
        """Another call has recorded the answer meanwhile."""
        return any(probe_path(context.results, machine, self.stem).is_file() for machine in context.machines)

    def __str__(self) -> str:
        return f"{self.probe} of {self.run.trial.model} seed {self.run.trial.seed}"


def pending_probes(runs: Iterable[Run], context: RunContext) -> list[PendingProbe]:
    """What the setting's probes would ask of finished ``runs`` and no record answers."""
    answered = {record.key for record in load_probes(context.results)[0]}
    every = [
        _question(run, probe, context)
        for run in runs
        for probe, seeds in context.probes.items()
        if seeds is None or run.trial.seed < seeds
    ]
    return [question for question in every if question.key not in answered]


def run_probes(
    runs: Iterable[Run],
    context: RunContext,
    executor: ProbeExecutor,
    say: Callable[[str], None] = lambda _: None,
    each: ParallelMap = map,
) -> list[str]:
    """Ask and record every open question of ``runs``; gives a line for each that got no answer.

    Args:
        each: calls a function with each question; ``map``: in this thread, one after the other.

    Raises:
        UserError: the results folder cannot be written.
    """
    questions, failures = pending_probes(runs, context), []

    def put(question: PendingProbe) -> str | None:
        """A line about the answer; none where another call has asked meanwhile."""
        waiting = partial(say, f"{question}: another call is asking; waiting for that")
        with one_at_a_time(context.locks, context.results, question.key, waiting, lambda: executor.stopped):
            if question.is_answered(context):
                return None
            try:
                return f"{question} {_ask(question, context, executor).seconds:.1f} s"
            except TrialFailed as failure:
                failures.append(f"{question}: {failure.reason}")
                return None

    for number, line in enumerate(each(put, questions), 1):
        if line:
            say(f"[{number}/{len(questions)}] {line}")
    return failures


def _ask(question: PendingProbe, context: RunContext, executor: ProbeExecutor) -> ProbeRecord:
    """Put one question and record the answer."""
    started_at, start = context.now(), time.monotonic()
    output = executor.answer(question.task, context.timeout_s)
    record = ProbeRecord(
        probe=question.probe,
        key=question.key,
        run=question.run.stem,
        images=question.task.images,
        train_images=question.task.train_images,
        numbers=output.numbers,
        notes=output.notes,
        arrays=f"{question.stem}.npz" if output.arrays else None,
        seconds=time.monotonic() - start,
        started_at=started_at,
        machine=output.machine or context.machine,
        git=context.git,
    )
    _save(context.results, record, output.arrays)
    return record


def _question(run: Run, probe: str, context: RunContext) -> PendingProbe:
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
            f"cannot write {record.stem} to {results}: {error.strerror}; what was finished before is kept"
        ) from error
