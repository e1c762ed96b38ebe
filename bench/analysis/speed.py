"""Speed from timing rounds: what a machine can do with each model, and the ratio between two models."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import combinations

from bench.analysis import stats
from bench.records.schema import Run
from bench.records.surroundings import Surroundings
from bench.records.timing import TimedModel, TimingRecord, timing_id

SHARED_CPU = 0.05
"""Share of a machine's CPU time that may go to other programs before its times count as unsteady."""

SpeedKey = tuple[str, str, str]
"""What the rounds of one model on one system go by: the system's identity, the device, and what was timed."""


@dataclass(frozen=True)
class Timed:
    """Rounds of one model on one system, with the records in which they were measured."""

    parts: tuple[tuple[TimingRecord, TimedModel], ...]

    @cached_property
    def all_image_s(self) -> list[float]:
        """Seconds per image of every round."""
        return [seconds for _, timed in self.parts for seconds in timed.image_s]

    @property
    def surroundings(self) -> list[Surroundings]:
        """What went on around the rounds, by record."""
        return [record.surroundings for record, _ in self.parts]

    @cached_property
    def spread(self) -> stats.Spread:
        """Median and quartiles of the seconds per image."""
        return stats.spread(self.all_image_s)

    @property
    def images_per_s(self) -> float:
        """Images per second in the fastest quarter of the rounds: what the machine can do."""
        return 1 / self.spread.low_quartile

    @property
    def median_images_per_s(self) -> float:
        """Images per second in the median round."""
        return 1 / self.spread.median

    @cached_property
    def by_machine(self) -> dict[str, float]:
        """Images per second in the fastest quarter of the rounds, of each machine by its id."""
        rounds: dict[str, list[float]] = {}
        for record, timed in self.parts:
            rounds.setdefault(record.machine.id, []).extend(timed.image_s)
        return {machine: 1 / stats.spread(image_s).low_quartile for machine, image_s in rounds.items()}

    def rounds_with(self, other: "Timed") -> list[tuple[float, float]]:
        """Seconds per image of this model and of the other, in each round that has both."""
        theirs = {_moment(record): timed for record, timed in other.parts}
        return [
            pair
            for record, timed in self.parts
            if _moment(record) in theirs
            for pair in zip(timed.image_s, theirs[_moment(record)].image_s, strict=False)
        ]

    def ratio_to(self, other: "Timed") -> stats.Ratio:
        """Ratio of this model's time to the other's, over the rounds that have both."""
        rounds = sorted(self.rounds_with(other))  # the order of files does not change what is drawn
        return stats.paired_ratio([mine for mine, _ in rounds], [theirs for _, theirs in rounds])


Speeds = Mapping[SpeedKey, Timed]


def collect_speeds(records: Iterable[TimingRecord]) -> Speeds:
    """Collect the rounds of each model on each system, of all its machines.

    Only rounds of the code that was timed last on that system count.
    """
    newest: dict[SpeedKey, str] = {}
    parts: dict[SpeedKey, list[tuple[TimingRecord, TimedModel]]] = {}
    for record in sorted(records, key=lambda record: record.started_at):
        for timed in record.models:
            key = record.machine.system_id, record.device, timed.timing_id
            if timed.rounds:
                newest[key] = timed.key
                parts.setdefault(key, []).append((record, timed))
    return {
        key: Timed(tuple((record, timed) for record, timed in pairs if timed.key == newest[key]))
        for key, pairs in parts.items()
    }


def speed_key(run: Run) -> SpeedKey:
    """Key of the rounds in which a run's model was timed on its system."""
    return run.machine.system_id, run.trial.device, timing_id(run.trial, run.data)


def unsteadiness(spread: stats.Spread, surroundings: Iterable[Surroundings], what: str) -> str:
    """Say why times are not steady; empty where they are.

    Args:
        spread: of the times.
        what: their name in the sentence, as ``rounds``.
    """
    around = list(surroundings)
    shares = [part.other_cpu_share or 0 for part in around]
    reasons = []
    if stats.is_unsteady(spread):
        reasons.append(f"the quartiles of the {what} are {100 * spread.relative:.0f} % of the median apart")
    if max(shares, default=0) > SHARED_CPU:
        reasons.append(f"other programs took up to {100 * max(shares):.0f} % of the CPU time")
    elif any(part.shared(SHARED_CPU) for part in around):
        reasons.append("other programs were on the GPU")
    if any(part.throttled for part in around):
        reasons.append("the GPU slowed itself down")
    return "; ".join(reasons)


@dataclass(frozen=True)
class SpeedPair:
    """Comparison of the speeds of two models at one location, the slower one first."""

    location: str
    first: str
    second: str
    ratio: stats.Ratio

    @property
    def words(self) -> str:
        """The result in words: ``cnn takes 12.6 times as long as mlp [12.4, 12.9]``."""
        if math.isnan(self.ratio.low):
            return f"{self.first}, {self.second}: too few rounds in common"
        if not self.ratio.is_told:
            return f"{self.first}, {self.second}: cannot tell which is faster"
        return f"{self.first} takes {times_text(self.ratio, f'as long as {self.second}')}"


def compare_speeds(timed: Sequence[tuple[str, Timed]], location: str, most: int) -> list[SpeedPair]:
    """Compare the pairs of models of one location that were timed in the same rounds.

    Args:
        timed: models by name, with their rounds.
        most: of more pairs than that, only those with the first model are compared.
    """
    pairs = [pair for pair in combinations(timed, 2) if pair[0][1].rounds_with(pair[1][1])]
    if len(pairs) > most:
        pairs = [pair for pair in pairs if timed[0] in pair]
    return [_compare(location, *pair) for pair in pairs]


def _compare(location: str, first: tuple[str, Timed], second: tuple[str, Timed]) -> SpeedPair:
    ratio = first[1].ratio_to(second[1])
    if ratio.median < 1:
        first, second, ratio = second, first, ratio.inverse
    return SpeedPair(location, first[0], second[0], ratio)


def times_text(ratio: stats.Ratio, words: str) -> str:
    """Format a ratio that has an interval: ``12.6 times as long as mlp [12.4, 12.9]``."""
    return f"{ratio.median:.3g} times {words} [{ratio.low:.3g}, {ratio.high:.3g}]"


def _moment(record: TimingRecord) -> tuple[str, datetime]:
    return record.machine.id, record.started_at
