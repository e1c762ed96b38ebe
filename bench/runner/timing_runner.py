"""Timing rounds -> executor -> records: measure the speed of models in turn, spread over the trials of a suite.

All models are timed in every round, so that each meets every state of the machine, and rounds before, between and
after the trials, so that a slow minute meets some of them only.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bench.common.errors import UserError, cause_of
from bench.records.schema import Trial
from bench.records.surroundings import Surroundings
from bench.records.timing import (
    ModelTimes,
    TimedModel,
    TimingRecord,
    common_rounds,
    load_timings,
    save_timing,
    timing_id,
)
from bench.runner.cache_key import timing_key
from bench.runner.monitor import monitor
from bench.runner.nodes import NodeDescription
from bench.runner.progress import Expected, Kind, Progress
from bench.runner.run_context import RunContext
from bench.runner.workers.messages import TrialFailed

T = TypeVar("T")

ROUND_S = 0.2
"""Seconds of a model's round at least."""
MAX_AT_ONCE = 12
"""Models that are timed in the same rounds at most: each has a process with the data in memory."""
MIN_PARTS, MAX_PARTS = 3, 8
"""Parts into which the rounds of a call are spread."""
PART_ROUNDS = 4
"""Rounds of a part, about."""
PREPARATION_S = 1.2
"""Seconds that a part takes beside its rounds, for each model, until one has been seen."""
ROUNDS: Kind = ("timing rounds", "")


class RoundsExecutor(Protocol):
    """Times models somewhere; see :class:`bench.runner.workers.executor.LocalExecutor`."""

    def run_rounds(
        self, trials: Sequence[Trial], rounds: int, seconds: float, timeout_s: float | None = None
    ) -> tuple[list[ModelTimes], NodeDescription | None]:
        """Time the models of ``trials`` in turn.

        Raises:
            TrialFailed: no model has a time.
            Interrupted: the run is being stopped.
        """


@dataclass
class TimingRounds:
    """The timing rounds of one call, part by part.

    ``wanted`` is how many rounds each group of models still lacks; ``failed`` are the models that could not be timed,
    which are not tried again.
    """

    groups: list[list[Trial]]
    context: RunContext
    executor: RoundsExecutor
    progress: Progress
    wanted: list[int] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    @property
    def expected(self) -> list[Expected]:
        """What the rounds that are still wanted are expected to take."""
        per_model_s = ROUND_S + PREPARATION_S / PART_ROUNDS
        return [
            Expected(ROUNDS, seconds=len(group) * per_model_s, count=rounds)
            for rounds, group in zip(self.wanted, self.groups, strict=True)
        ]

    def measure(self, share: float = 1.0) -> None:
        """Measure that share of the rounds that are still wanted, and record them.

        Raises:
            UserError: the results folder cannot be written.
        """
        for position, group in enumerate(self.groups):
            rounds = round(share * self.wanted[position])
            trials = [trial for trial in group if trial.model not in self.failed]
            seconds = self._measure(trials, rounds) if rounds and trials else None
            self.progress.work_done(ROUNDS, seconds, count=rounds)
            self.wanted[position] -= rounds

    def _measure(self, trials: Sequence[Trial], rounds: int) -> float | None:
        """Measure and record rounds; gives the seconds of one, None where a node failed."""
        started_at, start = self.context.now(), time.monotonic()
        stop_monitoring = monitor(trials[0].device)
        try:
            times, node = self.executor.run_rounds(trials, rounds, ROUND_S, self.context.timeout_s)
        except TrialFailed as failure:  # of a cluster's node
            self.failed |= {trial.model for trial in trials}
            self.progress.note(f"timing rounds: {failure.reason}")
            return None
        for model in times:
            if model.note:
                self.failed.add(model.trial.model)
                self.progress.note(f"{model.trial.model} is not timed in turn: {model.note}")
            elif model.rounds:
                self.progress.model_timed(model.trial.model, model.rounds[-1].seconds / model.rounds[-1].images)
        seconds = time.monotonic() - start
        context, surroundings = self.context, stop_monitoring() if node is None else Surroundings()
        record = TimingRecord(
            started_at=started_at,
            seconds=seconds,
            machine=context.machine if node is None else node.machine,
            environment=context.environment if node is None else node.environment,
            surroundings=surroundings,
            git=context.git,
            data=context.data,
            device=trials[0].device,
            threads=trials[0].threads,
            precision=trials[0].precision,
            models=[_timed_model(model, context, node) for model in times],
        )
        try:
            save_timing(context.results, record)
        except OSError as error:
            raise UserError(
                f"cannot write timing rounds to {context.results}: {cause_of(error)}; what was finished before is kept"
            ) from error
        return seconds / rounds


def plan_rounds(
    trials: Iterable[Trial], context: RunContext, executor: RoundsExecutor, progress: Progress
) -> TimingRounds:
    """Lay out the rounds that the models of ``trials`` still lack on this machine, and announce them."""
    by_model: dict[str, Trial] = {}
    for trial in sorted(trials, key=lambda trial: trial.seed):
        by_model.setdefault(trial.model, trial)
    firsts = list(by_model.values())
    groups = [firsts[start : start + MAX_AT_ONCE] for start in range(0, len(firsts), MAX_AT_ONCE)]
    rounds = TimingRounds(groups, context, executor, progress)
    machines = {machine.id for machine in context.machines}
    known = [] if context.force else load_timings(context.results)[0]
    known = [record for record in known if record.machine.id in machines]
    failed = {timed.key for record in known for timed in record.models if timed.note}
    for group in groups:
        keys = {timing_key(trial, context.data, context.code) for trial in group}
        # what could not be timed does not make the others be timed again
        rounds.wanted.append(max(0, context.timing_rounds - common_rounds(known, keys - failed or keys)))
    progress.expect(rounds.expected)
    return rounds


def spread(items: Sequence[T], rounds: TimingRounds) -> Iterator[T]:
    """Yield ``items`` one by one, and measure a part of the rounds before the first and between them.

    What is left is for after the last: ``rounds.measure()``.
    """
    parts = max(MIN_PARTS, min(MAX_PARTS, max(rounds.wanted, default=0) // PART_ROUNDS))
    due = [round(part * len(items) / (parts - 1)) for part in range(parts - 1)]
    left = parts
    for position, item in enumerate(items):
        parts_now = due.count(position)
        if parts_now:
            rounds.measure(parts_now / left)
            left -= parts_now
        yield item


def _timed_model(times: ModelTimes, context: RunContext, node: NodeDescription | None) -> TimedModel:
    allocator = node.allocator if node else None
    return TimedModel(
        trial=times.trial,
        timing_id=timing_id(times.trial, context.data),
        key=timing_key(times.trial, context.data, context.code, allocator),
        rounds=times.rounds,
        note=times.note,
    )
