"""Which differences in one table are real: a verdict for each pair of models, and a ranking with ties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bench import stats
from bench.records import Predictions, Run
from bench.report.groups import Comparison, Group

Stored = Mapping[str, Predictions]
"""Predictions by the stem of their run."""


@dataclass(frozen=True)
class Pair:
    """The more accurate of two models first. ``only_first`` and ``only_second`` count images, one entry per seed."""

    place: str
    first: str
    second: str
    seeds: int
    verdict: stats.Verdict
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    @property
    def words(self) -> str:
        """``cnn > mlp by 1.50 points [1.21, 1.79]``, ``cnn, mlp: cannot tell apart``, ``cnn, mlp: too few seeds``."""
        kind, test = self.verdict.kind, self.verdict.test
        if kind == "too few seeds":
            return f"{self.first}, {self.second}: too few seeds"
        if kind == "cannot tell":
            return f"{self.first}, {self.second}: cannot tell apart"
        winner, loser = (self.first, self.second) if kind == "better" else (self.second, self.first)
        ends = sorted((abs(test.interval.low), abs(test.interval.high)))
        return (
            f"{winner} > {loser} by {100 * abs(test.difference):.2f} points [{100 * ends[0]:.2f}, {100 * ends[1]:.2f}]"
        )


def judge_pairs(comparison: Comparison, stored: Stored) -> list[Pair]:
    """Every pair of models measured at one place, over the seeds both have; Holm over all pairs of that place."""
    return [pair for place in comparison.places for pair in _judge_place(comparison, place, stored)]


def ranks(comparison: Comparison, pairs: Sequence[Pair]) -> dict[tuple[str, str], int]:
    """(model, place) -> 1 + how many models are better beyond doubt, so that models not told apart share a rank."""
    losers = [
        (pair.second if pair.verdict.kind == "better" else pair.first, pair.place)
        for pair in pairs
        if pair.verdict.kind in ("better", "worse")
    ]
    return {(group.model, group.place): 1 + losers.count((group.model, group.place)) for group in comparison.groups}


def _judge_place(comparison: Comparison, place: str, stored: Stored) -> list[Pair]:
    groups = [group for group in comparison.groups if group.place == place]
    pairs = list(combinations(groups, 2))
    right = [_right_or_wrong(first, second, stored) for first, second in pairs]
    verdicts = stats.judge([stats.paired_test(a, b) for a, b in right], [len(a) for a, _ in right])
    return [
        Pair(place, first.model, second.model, len(a), verdict, *_only_one_right(a, b))
        for (first, second), (a, b), verdict in zip(pairs, right, verdicts, strict=True)
    ]


def _right_or_wrong(first: Group, second: Group, stored: Stored) -> tuple[np.ndarray, np.ndarray]:
    """Two bool arrays of shape (S, N) over the seeds for which both models' predictions are there."""
    runs = [{run.trial.seed: run for run in group.runs if run.stem in stored} for group in (first, second)]
    seeds = sorted(runs[0].keys() & runs[1].keys())
    a, b = (_stack([by_seed[seed] for seed in seeds], stored) for by_seed in runs)
    return a, b


def _stack(runs: Sequence[Run], stored: Stored) -> np.ndarray:
    return np.array([stored[run.stem].correct for run in runs]) if runs else np.empty((0, 0), dtype=bool)


def _only_one_right(a: np.ndarray, b: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    counts = [stats.mcnemar(one, other) for one, other in zip(a, b, strict=True)]
    return tuple(count.only_first for count in counts), tuple(count.only_second for count in counts)
