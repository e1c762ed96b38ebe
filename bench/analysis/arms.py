"""Arms: what each model gains from a recipe of its own, against the one recipe that serves all."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.analysis import stats
from bench.analysis.groups import ConditionResults, Group
from bench.analysis.pairwise import Stored, right_by_seed, stack_seeds

COMMON = "article"
"""Recipe that serves all models, which arms are held against."""


@dataclass(frozen=True)
class Gain:
    """A model by its own recipe and by the common one, with the verdict on their accuracies, paired by seed."""

    common: Group
    own: Group
    seeds: int
    verdict: stats.Verdict

    @property
    def words(self) -> str:
        """The difference in words: ``mlp +1.20 points [1.05, 1.35]`` or ``mlp: cannot tell``."""
        test = self.verdict.test
        if self.verdict.kind in ("too few seeds", "cannot tell"):
            return f"{self.own.name}: {self.verdict.kind}"
        low, high = 100 * test.interval.low, 100 * test.interval.high
        return f"{self.own.name} {100 * test.difference:+.2f} points [{low:.2f}, {high:.2f}]"


def common_results(comparisons: Sequence[ConditionResults], arm: ConditionResults) -> ConditionResults | None:
    """Find the results by the common recipe on the same data as an arm's: those with the most runs."""
    same = [
        comparison for comparison in comparisons if _is_common(comparison) and _data_of(comparison) == _data_of(arm)
    ]
    return max(same, key=lambda comparison: len(comparison.runs), default=None)


def _is_common(comparison: ConditionResults) -> bool:
    """Tell whether results are by the common recipe as it is, but for its length; an arm may be called like it."""
    condition = comparison.condition
    return condition.recipe == COMMON and condition.arm is None and not condition.details


def _data_of(comparison: ConditionResults) -> tuple[object, ...]:
    condition = comparison.condition
    return condition.data, condition.train_size, condition.pixel_order, condition.precision


def measure_gains(common: ConditionResults, arm: ConditionResults, stored: Stored) -> list[Gain]:
    """Compare each model of an arm with itself by the common recipe, over the seeds both have, with Holm's correction.

    Args:
        stored: predictions of the runs of both.
    """
    groups = {(group.model, group.location): group for group in common.groups}
    both = [(groups[key], own) for own in arm.groups if (key := (own.model, own.location)) in groups]
    right = [[right_by_seed(group, arm.test_size, stored) for group in pair] for pair in both]
    shared = [sorted(first.keys() & second.keys()) for first, second in right]
    tests = [
        stats.paired_test(stack_seeds(second, seeds), stack_seeds(first, seeds))
        for (first, second), seeds in zip(right, shared, strict=True)
    ]
    verdicts = stats.decide_verdicts(tests, [len(seeds) for seeds in shared])
    return [
        Gain(first, second, len(seeds), verdict)
        for (first, second), seeds, verdict in zip(both, shared, verdicts, strict=True)
    ]


def training_s(group: Group) -> float:
    """Median seconds of training of a run, all epochs together."""
    return median(sum(epoch.train_s for epoch in run.epochs) for run in group.runs)
