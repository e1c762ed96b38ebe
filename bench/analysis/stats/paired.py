"""Tests on paired samples: two models on the same seeds and images, the same trial before and after a change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy import stats as distributions

from bench.analysis.stats.intervals import Interval


@dataclass(frozen=True)
class PairedTest:
    """Mean difference of two models' accuracy, as fractions, with its error.

    The interval and the p-value are over both seeds and test images. A test that cannot be made has a p-value of 1
    and NaN bounds.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: float
    p_value: float
    interval: Interval


def paired_test(a: np.ndarray, b: np.ndarray, confidence: float = 0.95) -> PairedTest:
    """t test on the paired per-seed accuracy differences of two models.

    The variance of the mean difference adds two parts: that of the seeds (per-seed differences, over S) and that of
    the test images (per-image differences, over N); degrees of freedom after Welch and Satterthwaite. These take the
    seed part at its upper 80 % confidence bound: with three seeds it is often far too small by chance, and then the
    images, of which there are thousands, would lend it their degrees of freedom (LOG.md, 2026-11-24).

    Args:
        a, b: right or wrong, bool or 0/1, of shape ``(S, N)``: row s of both is the same seed, column i the same image.
    """
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.ndim != 2 or 0 in first.shape:
        return _no_test(math.nan)
    # Bytes where they do: a report of many models makes thousands of these tests, and floats take four times as long.
    narrow, wide = (np.int8, np.int32) if first.dtype == second.dtype == bool else (np.float64, np.float64)
    differences = first.astype(narrow) - second.astype(narrow)
    seeds, images = differences.shape
    by_seed = differences.sum(axis=1, dtype=wide) / images
    by_image = differences.sum(axis=0, dtype=wide) / seeds
    mean = float(by_seed.mean())
    if not math.isfinite(mean) or seeds < 2 or images < 2:
        return _no_test(mean)
    seed_part = float(by_seed.var(ddof=1)) / seeds
    image_part = float(by_image.var(ddof=1)) / images
    variance = seed_part + image_part
    if variance <= 0:
        return _no_test(mean)
    likely_seed_part = seed_part * (seeds - 1) / float(distributions.chi2.ppf(0.2, seeds - 1))
    freedom = (likely_seed_part + image_part) ** 2 / (likely_seed_part**2 / (seeds - 1) + image_part**2 / (images - 1))
    error = math.sqrt(variance)
    half = float(distributions.t.ppf((1 + confidence) / 2, freedom)) * error
    p_value = 2 * float(distributions.t.sf(abs(mean) / error, freedom))
    return PairedTest(mean, error, freedom, p_value, Interval(mean - half, mean + half))


def ratio_test(before: Sequence[float], after: Sequence[float]) -> float:
    """Two-sided p-value of a t test on the paired log ratios of two samples of times (or sizes), over the pairs.

    1 where it cannot be made: under two pairs, a value that is not positive and finite, or ratios all the same.
    """
    pairs = np.asarray([before, after], dtype=float)
    if pairs.shape[1] < 2 or not (np.isfinite(pairs) & (pairs > 0)).all():
        return 1.0
    return mean_test(list(np.log(pairs[1] / pairs[0])))


def mean_test(values: Sequence[float]) -> float:
    """Two-sided p-value of a t test that the mean of ``values`` is 0; 1 where it cannot be made."""
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2 or not np.isfinite(sample).all() or np.ptp(sample) < 1e-9:  # no spread but that of rounding
        return 1.0
    return float(distributions.ttest_1samp(sample, 0).pvalue)


def minimum_detectable(test: PairedTest, comparisons: int = 1, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true difference, as a fraction, that such a test finds with probability ``power``; NaN where unknown.

    From the standard error as it was measured, with t quantiles for both alpha and power (Bloom 1995).

    Args:
        comparisons: how many pairs the table holds; alpha is shared among them, as in Holm's first step.
    """
    if not test.standard_error > 0:
        return math.nan
    freedom = test.degrees_of_freedom
    quantiles = distributions.t.ppf(1 - alpha / comparisons / 2, freedom) + distributions.t.ppf(power, freedom)
    return float(quantiles) * test.standard_error


@dataclass(frozen=True)
class McNemar:
    """Images that only one of two runs got right, and the exact two-sided p-value of that imbalance."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """Exact McNemar test for one pair of runs, bool of shape ``(N,)``; a description, not the verdict."""
    right, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    both = int(np.count_nonzero(right & other))
    only_first, only_second = int(np.count_nonzero(right)) - both, int(np.count_nonzero(other)) - both
    discordant = only_first + only_second
    # At odds of one half both tails are alike, so the exact test is twice the smaller one.
    p_value = min(1.0, 2 * float(special.bdtr(min(only_first, only_second), discordant, 0.5)))
    return McNemar(only_first, only_second, p_value)


def _no_test(difference: float) -> PairedTest:
    return PairedTest(difference, math.nan, math.nan, 1.0, Interval(math.nan, math.nan))
