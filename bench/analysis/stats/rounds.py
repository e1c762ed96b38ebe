"""Times of rounds in turn: what holds of two pieces of work on a machine that is not ours alone.

A shared machine is slow for minutes, and memory-bound work suffers more than arithmetic, so that even the ratio within
a round depends on the machine's state. What is estimated is the ratio where the machine is at its fastest: the rounds
count in which both pieces of work together took at most a tenth longer than in the fastest tenth of the rounds. The
product of the two times, which decides that, says nothing about their ratio where both vary alike. A machine that was
slow in all rounds gives the ratio on a slow machine; nothing in the rounds can tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as distributions

FASTEST = 0.1
"""Share of the rounds that are taken for the machine at its fastest."""
NEAR = 1.1
"""How many times as long as in those a round may take that counts, both pieces of work together."""
MIN_ROUNDS = 5
"""Rounds under which no interval is given."""
DRAWS = 2000


@dataclass(frozen=True)
class Ratio:
    """Ratio of two times, the first over the second, with its interval; NaN bounds over fewer than five rounds.

    ``rounds`` is how many were near the machine's fastest.
    """

    median: float
    low: float
    high: float
    rounds: int

    @property
    def is_told(self) -> bool:
        """Whether the interval decides which of the two is the faster."""
        return not math.isnan(self.low) and not self.low <= 1 <= self.high

    @property
    def inverse(self) -> "Ratio":
        """Ratio of the second time over the first."""
        return Ratio(1 / self.median, 1 / self.high, 1 / self.low, self.rounds)


def paired_ratio(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Ratio:
    """Estimate the ratio of two times from rounds in which both were measured, one after the other.

    The interval is a bootstrap over rounds, which draws them before it chooses those that count; its percentiles are
    set further apart as Student's t is from the normal distribution, since few rounds count (Hesterberg 2015, The
    American Statistician 69, 371-386).

    Args:
        first, second: seconds, or seconds per image, by round; all above 0.
    """
    times = np.log(np.array([first, second], dtype=float))
    if times.shape[1] == 0:
        return Ratio(math.nan, math.nan, math.nan, 0)
    middle, rounds = _median_of_near(times)
    count = int(rounds)
    if times.shape[1] < MIN_ROUNDS or count < 2:
        return Ratio(math.exp(float(middle)), math.nan, math.nan, count)
    random = np.random.default_rng(0)  # the same records give the same page
    drawn = random.integers(0, times.shape[1], (DRAWS, times.shape[1]))
    medians, _ = _median_of_near(times[:, drawn])
    tail = float(
        distributions.norm.cdf(math.sqrt(count / (count - 1)) * distributions.t.ppf((1 - confidence) / 2, count - 1))
    )
    low, high = np.exp(np.quantile(medians, [tail, 1 - tail]))
    return Ratio(math.exp(float(middle)), float(low), float(high), count)


def _median_of_near(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the median log ratio of the rounds that count, and their number.

    Args:
        times: logarithms of shape ``(2, ..., rounds)``.
    """
    together = times.sum(axis=0)
    limit = np.quantile(together, FASTEST, axis=-1, keepdims=True) + 2 * math.log(NEAR)
    near = together <= limit
    ratios = np.where(near, times[0] - times[1], np.nan)
    return np.nanmedian(ratios, axis=-1), near.sum(axis=-1)
