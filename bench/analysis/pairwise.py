"""Pairwise comparison of models in one table: a verdict for each pair, and a ranking with ties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bench.analysis import stats
from bench.analysis.groups import FLAG_MARK, MAX_PAIRS, ConditionResults, Group
from bench.records.storage import Predictions

Stored = Mapping[str, Predictions]
"""Predictions by the stem of their run."""

BySeed = dict[int, np.ndarray]


@dataclass(frozen=True)
class Pair:
    """Comparison of two models, the more accurate one first, with the verdict and its figures.

    ``detectable`` is the true difference such a comparison finds four times in five, ``bootstrap`` the two-way
    interval over seeds and test images (unknown where there are many pairs), ``only_one_right`` the images only one of
    them got right, seed by seed. ``flagged`` are those of the two whose runs carry flags.
    """

    location: str
    first: str
    second: str
    seeds: int
    verdict: stats.Verdict
    detectable: float
    bootstrap: stats.Interval
    only_one_right: tuple[stats.McNemar, ...]
    flagged: tuple[str, ...] = ()

    @property
    def winner(self) -> str | None:
        """The significantly better model; None where there is none."""
        return {"better": self.first, "worse": self.second}.get(self.verdict.kind)

    def name(self, model: str) -> str:
        """Format the name of one of the two, with a mark if it is flagged."""
        return f"{model}{FLAG_MARK}" if model in self.flagged else model

    @property
    def words(self) -> str:
        """The verdict in words: ``cnn > mlp by 1.50 points [1.21, 1.79]`` or ``cnn, mlp: cannot tell apart``."""
        kind, test = self.verdict.kind, self.verdict.test
        first, second = self.name(self.first), self.name(self.second)
        if kind == "too few seeds":
            return f"{first}, {second}: too few seeds"
        if kind == "cannot tell":
            return f"{first}, {second}: cannot tell apart"
        winner, loser = (first, second) if kind == "better" else (second, first)
        ends = sorted((abs(test.interval.low), abs(test.interval.high)))
        return (
            f"{winner} > {loser} by {100 * abs(test.difference):.2f} points [{100 * ends[0]:.2f}, {100 * ends[1]:.2f}]"
        )


def select_pairs(pairs: Sequence[Pair], comparison: ConditionResults) -> list[Pair]:
    """Select all pairs where they are few; of many, those with the most accurate model of each location."""
    if len(pairs) <= MAX_PAIRS:
        return list(pairs)
    best = {location: comparison.at(location)[0].model for location in comparison.locations}
    return [pair for pair in pairs if best[pair.location] in (pair.first, pair.second)]


def decide_pairs(comparison: ConditionResults, stored: Stored) -> list[Pair]:
    """Compare all pairs of models of each location, over the seeds both have, with Holm's correction per location."""
    return [pair for location in comparison.locations for pair in _decide_at(comparison, location, stored)]


def ranks(comparison: ConditionResults, pairs: Sequence[Pair]) -> dict[tuple[str, str], int]:
    """Rank by (model, location): 1 + the number of significantly better models; models not told apart share a rank."""
    losers = [
        (pair.second if pair.verdict.kind == "better" else pair.first, pair.location)
        for pair in pairs
        if pair.verdict.kind in ("better", "worse")
    ]
    return {
        (group.model, group.location): 1 + losers.count((group.model, group.location)) for group in comparison.groups
    }


def _decide_at(comparison: ConditionResults, location: str, stored: Stored) -> list[Pair]:
    groups = comparison.at(location)
    right = [right_by_seed(group, comparison.test_size, stored) for group in groups]
    candidates = list(combinations(range(len(groups)), 2))
    resampled = _resample(right) if len(candidates) <= MAX_PAIRS else [{} for _ in right]
    seeds = [sorted(right[a].keys() & right[b].keys()) for a, b in candidates]
    tests = [
        stats.paired_test(stack_seeds(right[a], shared), stack_seeds(right[b], shared))
        for (a, b), shared in zip(candidates, seeds, strict=True)
    ]
    verdicts = stats.decide_verdicts(tests, [len(shared) for shared in seeds])
    random = np.random.default_rng(0)  # the same records give the same page
    return [
        Pair(
            location=location,
            first=groups[a].model,
            second=groups[b].model,
            seeds=len(shared),
            verdict=verdict,
            detectable=stats.minimum_detectable(verdict.test, comparisons=len(candidates)),
            bootstrap=stats.two_way_bootstrap(_drawn(resampled[a], shared), _drawn(resampled[b], shared), random),
            only_one_right=tuple(stats.mcnemar(right[a][seed], right[b][seed]) for seed in shared),
            flagged=tuple(group.model for group in (groups[a], groups[b]) if group.model_flags),
        )
        for (a, b), shared, verdict in zip(candidates, seeds, verdicts, strict=True)
    ]


def right_by_seed(group: Group, test_size: int, stored: Stored) -> BySeed:
    """Correctness of each test image, bool of shape ``(test_size,)``, for each seed whose predictions are stored."""
    by_seed = {run.trial.seed: stored[run.stem].correct for run in group.runs if run.stem in stored}
    return {seed: correct for seed, correct in by_seed.items() if correct.shape == (test_size,)}


def _resample(right: Sequence[BySeed]) -> list[BySeed]:
    """Accuracies on resampled test images, float32 of shape ``(draws,)``, for each seed; the same draws for all."""
    rows = [correct for by_seed in right for correct in by_seed.values()]
    if not rows:
        return [{} for _ in right]
    drawn = iter(stats.resample_images(np.array(rows), np.random.default_rng(0)))
    return [{seed: next(drawn) for seed in by_seed} for by_seed in right]


def _drawn(resampled: BySeed, seeds: Sequence[int]) -> np.ndarray:
    return stack_seeds(resampled, seeds) if resampled else np.empty((0, 0))


def stack_seeds(by_seed: BySeed, seeds: Sequence[int]) -> np.ndarray:
    """Stack the rows of these seeds: of shape ``(S, N)``."""
    return np.array([by_seed[seed] for seed in seeds]) if seeds else np.empty((0, 0), dtype=bool)
