"""Verdicts on all pairs of models in one table, corrected for multiple testing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.stats.paired import PairedTest


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for all comparisons of one table (Holm 1979), in the order given; NaN counts as 1."""
    known = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(known, kind="stable")
    stepped = known[order] * np.arange(len(known), 0, -1)
    adjusted = np.empty_like(known)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return [float(value) for value in adjusted]


@dataclass(frozen=True)
class Verdict:
    """Verdict on two models; ``kind`` is ``better``, ``worse``, ``cannot tell`` or ``too few seeds``."""

    kind: str
    test: PairedTest
    adjusted_p: float


def decide_verdicts(tests: Sequence[PairedTest], seeds: Sequence[int], alpha: float = 0.05) -> list[Verdict]:
    """Give a verdict for each pair of one table, by Holm-adjusted p-value; under three seeds none is given.

    Args:
        seeds: how many seeds stand behind each test.
    """
    adjusted = holm([test.p_value for test in tests])
    return [
        Verdict(_kind(test, p_value, count, alpha), test, p_value)
        for test, p_value, count in zip(tests, adjusted, seeds, strict=True)
    ]


def _kind(test: PairedTest, adjusted_p: float, seeds: int, alpha: float) -> str:
    if seeds < 3:
        return "too few seeds"
    if not adjusted_p < alpha:
        return "cannot tell"
    return "better" if test.difference > 0 else "worse"
