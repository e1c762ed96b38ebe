"""Is a benchmark slower than at another commit? The ratios of turns that followed each other decide.

Turns of two processes say how these two differ, and two processes with the same code differ too: each has its memory
elsewhere, which has made up to 10 % of the time. So a benchmark that seems to have changed is measured again, in new
pairs of processes, and has changed if all of them agree. The first pair only chooses; the others are judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from bench.records.pytest_benchmarks import name_of

TOLERANCE = 0.03
"""A ratio within 3 % of one is no change."""

CONFIRMATIONS = 3
"""New pairs of processes for a benchmark that seems to have changed, unless one of them disagrees."""

DRAWS = 2000

Verdict = Literal["slower", "faster", "no change", "cannot tell"]


class Ratio(NamedTuple):
    """The median of paired ratios, and its interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class PairOfProcesses:
    """Seconds per call in each turn of both sides, by benchmark."""

    before: Mapping[str, np.ndarray]
    after: Mapping[str, np.ndarray]

    def direction(self, name: str) -> int:
        """1 where the median of the ratios is beyond the tolerance towards slower, -1 towards faster, 0 within."""
        ratio = float(np.median(self.after[name] / self.before[name]))
        return int(ratio > 1 + TOLERANCE) - int(ratio < 1 / (1 + TOLERANCE))


@dataclass(frozen=True)
class Judged:
    """One benchmark on both sides, in seconds per call, and how many times as long it takes ``after``."""

    name: str
    before_s: float
    after_s: float
    ratio: Ratio
    turns: int
    verdict: Verdict

    @property
    def regression(self) -> str:
        """A line such as ``test_training_step[cnn]: 31.2 ms, was 16.1 ms: 1.94 times as long [1.90, 1.99]``."""
        after, before = f"{1e3 * self.after_s:.3g} ms", f"{1e3 * self.before_s:.3g} ms"
        interval = f"[{self.ratio.low:.2f}, {self.ratio.high:.2f}]"
        return f"{self.name}: {after}, was {before}: {self.ratio.median:.2f} times as long {interval}"


def turns_of(content: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Extract the seconds per call of each turn, by benchmark, from what pytest-benchmark saved.

    A turn's is the median of its timings, so that other processes that interrupt it for a moment do not count.
    """
    return {
        name_of(case["fullname"]): np.median(
            np.reshape(case["stats"]["data"], (-1, case["extra_info"]["timings_per_turn"])), axis=1
        )
        for case in content["benchmarks"]
    }


def to_confirm(pairs: Sequence[PairOfProcesses]) -> list[str]:
    """Find the benchmarks of the last pair that have changed in the same direction in all of them."""
    if len(pairs) > CONFIRMATIONS:
        return []
    return [name for name in pairs[-1].before if _common_direction(name, pairs)]


def confidence_for(cases: int) -> float:
    """Confidence at which all intervals of a comparison hold together with 95 %, by Bonferroni's inequality."""
    return 1 - 0.05 / max(cases, 1)


def judge(pairs: Sequence[PairOfProcesses]) -> list[Judged]:
    """Judge the benchmarks of the first pair, in their order."""
    confidence = confidence_for(len(pairs[0].before))
    return [_judge(name, [pair for pair in pairs if name in pair.before], confidence) for name in pairs[0].before]


def _judge(name: str, pairs: Sequence[PairOfProcesses], confidence: float) -> Judged:
    judged = pairs[1:] or pairs
    before = np.concatenate([pair.before[name] for pair in judged])
    after = np.concatenate([pair.after[name] for pair in judged])
    ratio = _paired_ratio(after, before, confidence)
    agreed = _common_direction(name, pairs) if len(pairs) > CONFIRMATIONS else 0
    verdict: Verdict = "cannot tell"
    if agreed > 0 and ratio.low > 1 + TOLERANCE:
        verdict = "slower"
    elif agreed < 0 and ratio.high < 1 / (1 + TOLERANCE):
        verdict = "faster"
    elif ratio.low > 1 / (1 + TOLERANCE) and ratio.high < 1 + TOLERANCE:
        verdict = "no change"
    return Judged(name, float(np.median(before)), float(np.median(after)), ratio, len(before), verdict)


def _common_direction(name: str, pairs: Sequence[PairOfProcesses]) -> int:
    directions = {pair.direction(name) for pair in pairs}
    return directions.pop() if len(directions) == 1 else 0


def _paired_ratio(first: np.ndarray, second: np.ndarray, confidence: float) -> Ratio:
    """Median of ``first / second`` with a percentile bootstrap interval over turns, from a fixed seed."""
    ratios = first / second
    drawn = np.random.default_rng(0).integers(len(ratios), size=(DRAWS, len(ratios)))
    medians = np.median(ratios[drawn], axis=1)
    low, high = np.quantile(medians, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Ratio(float(np.median(ratios)), float(low), float(high))
