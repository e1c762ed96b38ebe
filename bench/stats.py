"""Statistics, pure: numbers in, numbers out; a random generator is passed in where one is needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
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


def noise(spread: Spread) -> str:
    """``noisy`` where the IQR is above 10 % of the median, ``not trustworthy`` above 25 %, else empty.

    Source: the warnings of torch.utils.benchmark.
    """
    if spread.relative > 0.25:
        return "not trustworthy"
    return "noisy" if spread.relative > 0.1 else ""


@dataclass(frozen=True)
class Reached:
    """Times to reach a goal in several trials, of which ``missed`` never did.

    The median counts a miss as later than all others and is NaN where it falls on one; ``low`` and ``high`` are the
    range of those that reached it, NaN if none did.
    """

    median: float
    low: float
    high: float
    missed: int
    trials: int


def reached(times: Sequence[float]) -> Reached:
    """Sum up the times; NaN is a miss."""
    waited = np.asarray(times, dtype=float)
    there = waited[np.isfinite(waited)]
    if not len(there):
        return Reached(math.nan, math.nan, math.nan, len(waited), len(waited))
    ordered = np.sort(np.where(np.isfinite(waited), waited, math.inf))
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    median = float(middle) if math.isfinite(middle) else math.nan
    return Reached(median, float(there.min()), float(there.max()), len(waited) - len(there), len(waited))


def area_under(x: np.ndarray, y: np.ndarray) -> float:
    """Mean of ``y`` over the range of ``x``, by trapezoids; ``x`` ascending, of shape ``(P,)`` as ``y``."""
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def falls_below(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Where ``y`` first falls below ``level``, in the order given, linearly interpolated; NaN if it never does.

    The first ``x`` where ``y`` begins below.
    """
    below = np.flatnonzero(np.asarray(y) < level)
    if not len(below):
        return math.nan
    after = int(below[0])
    if after == 0:
        return float(x[0])
    share = (y[after - 1] - level) / (y[after - 1] - y[after])
    return float(x[after - 1] + share * (x[after] - x[after - 1]))


@dataclass(frozen=True)
class PairedTest:
    """The mean difference of two models' accuracy, as fractions, with what is known of its error.

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


def resample_images(
    correct: np.ndarray, random: np.random.Generator, draws: int = 10_000, chunk: int = 500
) -> np.ndarray:
    """Accuracy of each run on test sets drawn anew, with replacement, from its test images.

    Args:
        correct: right or wrong, bool or 0/1, of shape ``(R, N)``; all runs see the same draws.
        chunk: draws made at a time, so that the counts fit into memory.

    Returns:
        float32 of shape ``(R, draws)``.
    """
    # Images that the same runs got right are alike, and there are far fewer kinds of images than images.
    kinds, counts = np.unique(np.asarray(correct, dtype=bool), axis=1, return_counts=True)
    right, images = kinds.astype(np.float32), int(counts.sum())
    accuracies = np.empty((len(right), draws), dtype=np.float32)
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        drawn = random.multinomial(images, counts / images, size=size).astype(np.float32)
        accuracies[:, start : start + size] = right @ drawn.T / images
    return accuracies


def two_way_bootstrap(
    first: np.ndarray, second: np.ndarray, random: np.random.Generator, confidence: float = 0.95
) -> Interval:
    """Percentile interval of the accuracy difference over seeds and test images both drawn anew.

    A description and not the verdict: over few seeds it is too narrow. NaN bounds under two seeds.

    Args:
        first, second: of shape ``(S, draws)`` from :func:`resample_images`, row s of both the same seed.
    """
    seeds, draws = first.shape
    if first.shape != second.shape or seeds < 2 or draws < 1:
        return Interval(math.nan, math.nan)
    times_drawn = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
    differences = ((first - second).T * times_drawn).sum(axis=1) / seeds
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for all comparisons of one table (Holm 1979), in the order given; NaN counts as 1."""
    known = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(known, kind="stable")
    stepped = known[order] * np.arange(len(known), 0, -1)
    adjusted = np.empty_like(known)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return [float(value) for value in adjusted]


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


@dataclass(frozen=True)
class Verdict:
    """What may be said of two models. ``kind`` is ``better``, ``worse``, ``cannot tell`` or ``too few seeds``."""

    kind: str
    test: PairedTest
    adjusted_p: float


def judge(tests: Sequence[PairedTest], seeds: Sequence[int], alpha: float = 0.05) -> list[Verdict]:
    """A verdict for each pair of one table, by Holm-adjusted p-value; under three seeds none is given.

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


def _no_test(difference: float) -> PairedTest:
    return PairedTest(difference, math.nan, math.nan, 1.0, Interval(math.nan, math.nan))
