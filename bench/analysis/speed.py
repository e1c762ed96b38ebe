"""Speed from timing rounds: what a machine can do with each model, and the ratio between two models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    """Rounds of one model on one system: seconds per image, by the record in which they were measured.

    ``machines`` gives the machine of each record, ``surroundings`` what went on around it.
    """

    image_s: Mapping[str, tuple[float, ...]]
    machines: Mapping[str, str]
    surroundings: tuple[Surroundings, ...]

    @cached_property
    def all_image_s(self) -> list[float]:
        """Seconds per image of every round."""
        return [seconds for rounds in self.image_s.values() for seconds in rounds]

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
        for record, image_s in self.image_s.items():
            rounds.setdefault(self.machines[record], []).extend(image_s)
        return {machine: 1 / stats.spread(image_s).low_quartile for machine, image_s in rounds.items() if image_s}

    def ratio_to(self, other: "Timed") -> stats.Ratio:
        """Ratio of this model's time to the other's, over the rounds that have both."""
        pairs = [
            pair
            for record in self.image_s.keys() & other.image_s.keys()
            for pair in zip(self.image_s[record], other.image_s[record], strict=False)
        ]
        return stats.paired_ratio([mine for mine, _ in sorted(pairs)], [theirs for _, theirs in sorted(pairs)])


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
        key: _timed([(record, timed) for record, timed in pairs if timed.key == newest[key]])
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
        if self.ratio.low != self.ratio.low:
            return f"{self.first}, {self.second}: too few rounds in common"
        if not self.ratio.is_told:
            return f"{self.first}, {self.second}: cannot tell which is faster"
        return f"{self.first} takes {times_text(self.ratio)} as long as {self.second} {interval_text(self.ratio)}"


def compare_speeds(timed: Sequence[tuple[str, Timed]], location: str) -> list[SpeedPair]:
    """Compare all pairs of models of one location, by name and rounds; slower pairs are not told first."""
    pairs = []
    for (first, one), (second, other) in combinations(timed, 2):
        ratio = one.ratio_to(other)
        if ratio.median < 1:
            first, second, ratio = second, first, other.ratio_to(one)
        if ratio.rounds:
            pairs.append(SpeedPair(location, first, second, ratio))
    return pairs


def times_text(ratio: stats.Ratio) -> str:
    """Format a ratio: ``12.6 times``."""
    return f"{ratio.median:.3g} times"


def interval_text(ratio: stats.Ratio) -> str:
    """Format a ratio's interval: ``[12.4, 12.9]``; empty where there is none."""
    return "" if ratio.low != ratio.low else f"[{ratio.low:.3g}, {ratio.high:.3g}]"


def _timed(parts: Sequence[tuple[TimingRecord, TimedModel]]) -> Timed:
    stems = [f"{record.machine.id} {record.moment}" for record, _ in parts]
    return Timed(
        image_s={stem: tuple(timed.image_s) for stem, (_, timed) in zip(stems, parts, strict=True)},
        machines={stem: record.machine.id for stem, (record, _) in zip(stems, parts, strict=True)},
        surroundings=tuple(record.surroundings for record, _ in parts),
    )
