"""Run the studies: draws in turn over the models, then the best of each from more seeds."""

import time
from dataclasses import replace

from bench.common.atomic import remove_leftovers
from bench.common.errors import UserError, cause_of, plain
from bench.records.schema import Epoch
from bench.records.storage import check_writable
from bench.records.tuning import TunedEpoch, TunedTrial, load_tuned, save_tuned
from bench.runner.cache_key import run_key
from bench.runner.locks import one_at_a_time
from bench.runner.nodes import Event, NodeDescription
from bench.runner.plan import open_executor
from bench.runner.progress import Expected, Progress, make_progress
from bench.runner.run_context import RunContext
from bench.runner.signals import signals_raise
from bench.runner.trial_runner import Executor
from bench.runner.workers.messages import TrialFailed
from bench.tuning.choice import FINALISTS, Choice, choose, next_finals
from bench.tuning.plan import HELD_OUT, TuningPlan, known_records
from bench.tuning.study import Draw, Study

TEST_SHARE = 1 / 3
"""Seconds that an image takes to be evaluated, of those that it takes to be trained on, about."""


class _Pruned(Exception):
    """The trial is ended early: others of its study did better."""


def tune(tuning: TuningPlan) -> dict[str, Choice | UserError]:
    """Run what is not done yet of all studies; gives the recipe chosen for each model, or why there is none.

    Raises:
        UserError: the results folder cannot be written.
        Interrupted: what was finished before is kept, and the same call goes on from there.
    """
    context = tuning.plan.context
    check_writable(context.results)
    remove_leftovers(context.results)
    progress = make_progress(tuning.plan.cluster.at_once if tuning.plan.cluster else 1)
    lock = one_at_a_time(
        context.locks,
        context.results,
        f"tuning-{tuning.space.name}",
        lambda: progress.note("another call is tuning into this folder; waiting for that"),
    )
    try:
        with open_executor(tuning.plan, False, progress.note) as (executor, parallel_map), signals_raise(), lock:
            records = [] if tuning.request.common.force else load_tuned(context.results)[0]
            for study in tuning.studies.values():  # another call may have gone on with them while this one waited
                study.replay(known_records(study, records, context))
            runner = _Runner(tuning, executor, progress)
            runner.expect()
            todo = sorted(
                ((study, draw) for study in tuning.studies.values() for draw in study.pending()),
                key=lambda pair: pair[1].number,
            )
            for _ in parallel_map(runner.run, todo):
                pass
            while finals := [
                (study, draw) for study in tuning.studies.values() for draw in next_finals(study, tuning.goals)
            ]:
                for _ in parallel_map(runner.run, finals):
                    pass
    finally:
        progress.close()
    choices: dict[str, Choice | UserError] = {}
    for model, study in tuning.studies.items():
        try:
            choices[model] = choose(study, tuning.goals)
        except UserError as error:  # costs the others nothing
            choices[model] = error
    return choices


class _Runner:
    """Runs single trials and writes their records."""

    def __init__(self, tuning: TuningPlan, executor: Executor, progress: Progress) -> None:
        self._tuning, self._context = tuning, tuning.plan.context
        self._executor, self._progress = executor, progress

    def expect(self) -> None:
        """Announce what is still to be trained."""
        images = self._tuning_images()
        for study in self._tuning.studies.values():
            drawn = sum(draw.trial.epoch_count for draw in study.pending())
            last = max(draw.trial.epoch_count for draw in study.draws)
            finals = FINALISTS * 2 * last // 2
            self._progress.expect([Expected(("epoch", study.model), images, count=drawn + finals)])

    def _tuning_images(self) -> float:
        trial = next(iter(self._tuning.studies.values())).draws[0].trial
        return trial.train_size + TEST_SHARE * HELD_OUT

    def run(self, item: tuple[Study, Draw]) -> None:
        """Train a draw and write its record, whatever becomes of it.

        Raises:
            UserError: the record cannot be written.
            Interrupted: the trial has no record.
        """
        study, draw = item
        attempt = _Attempt(study, draw, self._context)
        watch = study.watch(draw.role) if draw.role != "final" else None

        def on_event(event: Event) -> None:
            nonlocal watch
            if isinstance(event, NodeDescription):
                if attempt.epochs and watch:  # it starts again on another node
                    watch = study.watch(draw.role)
                attempt.start_on(event)
            elif isinstance(event, Epoch):
                attempt.epochs.append(
                    TunedEpoch(epoch=event.epoch, train_s=event.train_s, accuracy=event.test_accuracy)
                )
                behind = watch is not None and watch.is_behind(event.epoch, event.test_accuracy)
                if behind and event.epoch < draw.trial.epoch_count:
                    raise _Pruned

        try:
            self._executor.run_trial(draw.trial, on_event, self._context.timeout_s)
            record = attempt.record("done", accuracy=attempt.epochs[-1].accuracy)
        except _Pruned:
            record = attempt.record("pruned")
        except TrialFailed as failure:
            record = attempt.record(failure.status, error=plain(failure.reason))
        self._save(record)
        study.add(record)
        if watch:
            watch.end(record)
        self._tell(study, draw, record)

    def _save(self, record: TunedTrial) -> None:
        try:
            save_tuned(self._context.results, record)
        except OSError as error:
            raise UserError(
                f"cannot write to {self._context.results}: {cause_of(error)}; trials finished before are kept, "
                "and the same command goes on from there"
            ) from error

    def _tell(self, study: Study, draw: Draw, record: TunedTrial) -> None:
        trial, epochs = draw.trial, len(record.epochs)
        result = f"{100 * record.epochs[-1].accuracy:.2f} %" if record.epochs else ""
        how = {"done": "", "pruned": f" after {epochs} of {trial.epoch_count} epochs, ended early"}
        words = how.get(record.status, f" {record.status}: {record.error}")
        seed = f" seed {trial.seed}" if draw.role == "final" else ""
        line = (
            f"{study.model} {draw.number + 1}/{len(study.draws)}{seed} {result}{words} "
            f"({trial.optimizer} {trial.learning_rate:g}, batch {trial.batch_size}, {trial.epochs:g} epochs)"
        )
        epoch_s = record.seconds / epochs if epochs else None
        self._progress.work_done(("epoch", study.model), epoch_s, line, count=trial.epoch_count)


class _Attempt:
    """A trial under way."""

    def __init__(self, study: Study, draw: Draw, context: RunContext) -> None:
        self._study, self._draw, self._context = study, draw, context
        self._key = run_key(draw.trial, context.data, context.code, context.machine)
        self._begin()

    def _begin(self) -> None:
        self._started_at, self._start = self._context.now(), time.monotonic()
        self.epochs: list[TunedEpoch] = []

    def start_on(self, node: NodeDescription) -> None:
        """Start on a node of a cluster, perhaps for the second time; the epochs before are dropped."""
        self._context = replace(self._context, machine=node.machine, environment=node.environment)
        self._key = run_key(self._draw.trial, self._context.data, self._context.code, node.machine, node.allocator)
        self._begin()

    def record(self, status: str, error: str | None = None, accuracy: float | None = None) -> TunedTrial:
        """Make the record."""
        context = self._context
        return TunedTrial.model_validate(
            {
                "started_at": self._started_at,
                "machine": context.machine,
                "study": self._study.id,
                "space": self._draw.trial.recipe,
                "number": self._draw.number,
                "role": self._draw.role,
                "key": self._key,
                "status": status,
                "error": error,
                "trial": self._draw.trial,
                "epochs": self.epochs,
                "accuracy": accuracy,
                "seconds": time.monotonic() - self._start,
                "environment": context.environment,
                "git": context.git,
                "data": context.data,
            }
        )
