"""Confidence intervals, quartiles, and whether a sample is too noisy to trust."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as distributions


@dataclass(frozen=True)
class Interval:
    """A two-sided interval; NaN bounds where the sample cannot give one."""

    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a sample, in its unit."""

    median: float
    low_quartile: float
    high_quartile: float

    @property
    def iqr(self) -> float:
        """Interquartile range, in the sample's unit."""
        return self.high_quartile - self.low_quartile

    @property
    def relative(self) -> float:
        """IQR over median; NaN for a median of 0."""
        return self.iqr / self.median if self.median else math.nan


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's interval for the mean of ``values``, over whatever they vary with (here: seeds).

    NaN bounds for fewer than two values or a value that is not finite.
    """
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2 or not np.isfinite(sample).all():
        return Interval(math.nan, math.nan)
    half = distributions.t.ppf((1 + confidence) / 2, len(sample) - 1) * sample.std(ddof=1) / math.sqrt(len(sample))
    return Interval(float(sample.mean() - half), float(sample.mean() + half))


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion, over the sampling of test images. Source: Wilson 1927."""
    if trials < 1 or not 0 <= successes <= trials:
        return Interval(math.nan, math.nan)
    z = float(distributions.norm.ppf((1 + confidence) / 2))
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Interval(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def share_difference(only_first: float, only_second: float, trials: int, confidence: float = 0.95) -> Interval:
    """Interval for the difference of two paired proportions, over the sampling of test images; normal (Wald).

    Args:
        only_first, only_second: the shares of ``trials`` in which only the first, only the second succeeded.
    """
    if trials < 1:
        return Interval(math.nan, math.nan)
    difference = only_first - only_second
    variance = max(0.0, only_first + only_second - difference**2) / trials
    half = float(distributions.norm.ppf((1 + confidence) / 2)) * math.sqrt(variance)
    return Interval(difference - half, difference + half)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles, linearly interpolated; NaN for an empty sample."""
    if not len(values):
        return Spread(math.nan, math.nan, math.nan)
    low, median, high = np.percentile(np.asarray(values, dtype=float), [25, 50, 75])
    return Spread(float(median), float(low), float(high))


def is_unsteady(spread: Spread) -> bool:
    """Tell whether times are too far apart to be told by their median: the IQR is above 10 % of it.

    Source: the warning of torch.utils.benchmark.
    """
    return spread.relative > 0.1
