"""Is a benchmark slower than at another commit? The ratios of rounds that were measured in turn decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from bench.records.pytest_benchmarks import name_of

TOLERANCE = 0.03
"""Two processes with the same code differ by up to this much (LOG.md): where the interval begins above it is slower."""

DRAWS = 2000

Verdict = Literal["slower", "faster", "no change", "cannot tell"]


class Ratio(NamedTuple):
    """The median of paired ratios, and its interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """One benchmark on both sides, in seconds per call, and how many times as long it takes ``after``."""

    name: str
    before_s: float
    after_s: float
    ratio: Ratio
    rounds: int

    @property
    def verdict(self) -> Verdict:
        """Slower and faster need the whole interval beyond the tolerance, no change needs it all within."""
        if self.ratio.low > 1 + TOLERANCE:
            return "slower"
        if self.ratio.high < 1 / (1 + TOLERANCE):
            return "faster"
        within = self.ratio.low > 1 / (1 + TOLERANCE) and self.ratio.high < 1 + TOLERANCE
        return "no change" if within else "cannot tell"

    @property
    def regression(self) -> str:
        """A line such as ``test_training_step[cnn]: 31.2 ms, was 16.1 ms: 1.94 times as long [1.90, 1.99]``."""
        after, before = f"{1e3 * self.after_s:.3g} ms", f"{1e3 * self.before_s:.3g} ms"
        interval = f"[{self.ratio.low:.2f}, {self.ratio.high:.2f}]"
        return f"{self.name}: {after}, was {before}: {self.ratio.median:.2f} times as long {interval}"


def rounds_of(content: Mapping[str, Any]) -> dict[str, list[float]]:
    """Extract the seconds per call of each round, by case, from what pytest-benchmark saved."""
    return {name_of(case["fullname"]): case["stats"]["data"] for case in content["benchmarks"]}


def confidence_for(cases: int) -> float:
    """Confidence at which all intervals of a comparison hold together with 95 %, by Bonferroni's inequality."""
    return 1 - 0.05 / max(cases, 1)


def judge(before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]) -> list[Paired]:
    """Pair the rounds of each case that both sides have, in the order of ``before``."""
    names = [name for name in before if name in after]
    confidence = confidence_for(len(names))
    return [
        Paired(
            name,
            float(np.median(before[name])),
            float(np.median(after[name])),
            _paired_ratio(after[name], before[name], confidence),
            len(before[name]),
        )
        for name in names
    ]


def _paired_ratio(first: Sequence[float], second: Sequence[float], confidence: float) -> Ratio:
    """Median of ``first[i] / second[i]`` with a percentile bootstrap interval over rounds, from a fixed seed."""
    ratios = np.asarray(first) / np.asarray(second)
    drawn = np.random.default_rng(0).integers(len(ratios), size=(DRAWS, len(ratios)))
    medians = np.median(ratios[drawn], axis=1)
    low, high = np.quantile(medians, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Ratio(float(np.median(ratios)), float(low), float(high))
