import math

import numpy as np
import pytest
import scipy.stats
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from bench.analysis import stats


@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_t_interval_is_scipys(size: int) -> None:
    sample = np.random.default_rng(size).normal(0.98, 0.01, size)
    interval = stats.t_interval(list(sample))
    expected = scipy_stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("sample", [[], [0.9], [0.9, math.nan], [0.9, math.inf]])
def test_t_interval_of_too_little_is_nan(sample: list[float]) -> None:
    interval = stats.t_interval(sample)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize(("right", "of"), [(0, 10), (10, 10), (9900, 10_000), (1, 3), (9180, 10_000)])
def test_wilson_interval_is_statsmodels(right: int, of: int) -> None:
    interval = stats.wilson_interval(right, of)
    assert (interval.low, interval.high) == pytest.approx(proportion_confint(right, of, method="wilson"), abs=1e-12)


def test_wilson_interval_of_nothing_is_nan() -> None:
    assert math.isnan(stats.wilson_interval(0, 0).low)
    assert math.isnan(stats.wilson_interval(5, 3).low)


def test_spread_is_scipys() -> None:
    sample = np.random.default_rng(0).exponential(size=31)
    spread = stats.spread(list(sample))
    assert spread.median == np.median(sample)
    assert spread.iqr == pytest.approx(scipy_stats.iqr(sample))
    assert spread.relative == pytest.approx(scipy_stats.iqr(sample) / np.median(sample))
    assert math.isnan(stats.spread([]).median)


def by_seed(differences: list[int], images: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Two models whose difference is the same on every image and varies with the seed alone."""
    d = np.repeat(np.array(differences)[:, None], images, axis=1)
    return (d > 0).astype(int), (d < 0).astype(int)


def test_with_seed_noise_alone_it_is_scipys_t_test_over_seeds() -> None:
    differences = [1, 0, 1, 1, -1, 1]
    result, expected = stats.paired_test(*by_seed(differences)), scipy_stats.ttest_1samp(differences, 0)
    interval = expected.confidence_interval(0.95)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.degrees_of_freedom == pytest.approx(5)
    assert (result.interval.low, result.interval.high) == pytest.approx((interval.low, interval.high))


def test_with_image_noise_alone_it_is_scipys_t_test_over_images() -> None:
    random = np.random.default_rng(0)
    a, b = (np.repeat(random.random((1, 400)) < share, 4, axis=0) for share in (0.9, 0.8))
    result, expected = stats.paired_test(a, b), scipy_stats.ttest_rel(a[0].astype(float), b[0].astype(float))
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.degrees_of_freedom == pytest.approx(399)


def test_the_order_of_models_turns_the_sign_and_nothing_else() -> None:
    random = np.random.default_rng(1)
    a, b = (random.random((5, 300)) < share for share in (0.9, 0.85))
    forth, back = stats.paired_test(a, b), stats.paired_test(b, a)
    assert forth.difference == -back.difference
    assert forth.p_value == back.p_value


SAME = np.ones((4, 100), dtype=bool)
NOTHING_TO_TELL = {
    "identical": (SAME, SAME),
    "always right against always wrong": (SAME, ~SAME),
    "one seed": (np.ones((1, 100)), np.arange(100)[None, :] % 2),
    "one image": (np.ones((4, 1)), np.zeros((4, 1))),
    "no image": (np.ones((4, 0)), np.ones((4, 0))),
    "unequal seeds": (SAME, SAME[:2]),
    "unequal images": (SAME, SAME[:, :50]),
    "not a number": (np.full((4, 100), math.nan), SAME),
    "not a table": (np.ones(4), np.ones(4)),
}


@pytest.mark.parametrize("case", NOTHING_TO_TELL)
def test_what_cannot_be_tested_is_never_significant(case: str) -> None:
    test = stats.paired_test(*NOTHING_TO_TELL[case])
    assert test.p_value == 1
    assert stats.decide_verdicts([test], [5])[0].kind == "cannot tell"
    assert math.isnan(stats.minimum_detectable(test))


def test_the_ratio_test_is_scipys_paired_t_on_logs() -> None:
    random = np.random.default_rng(9)
    before, after = random.lognormal(0, 0.1, 8), random.lognormal(0.05, 0.1, 8)
    assert stats.ratio_test(before, after) == pytest.approx(scipy.stats.ttest_rel(np.log(before), np.log(after)).pvalue)


@pytest.mark.parametrize(
    ("before", "after"),
    [([], []), ([1.0], [2.0]), ([1.0, 3.0], [2.0, 6.0]), ([1.0, 0.0], [1.0, 1.0]), ([1.0, math.nan], [1.0, 2.0])],
)
def test_a_ratio_test_that_cannot_be_made_finds_nothing(before: list[float], after: list[float]) -> None:
    assert stats.ratio_test(before, after) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 6, 45])
def test_holm_is_statsmodels(count: int) -> None:
    p_values = np.random.default_rng(count).random(count) ** 3
    assert stats.holm(list(p_values)) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_counts_nan_as_no_evidence() -> None:
    assert stats.holm([0.01, math.nan]) == pytest.approx([0.02, 1.0])
    assert stats.holm([]) == []


@pytest.mark.parametrize("shares", [(0.9, 0.8), (0.9, 0.9), (1.0, 1.0)])
def test_mcnemar_is_statsmodels(shares: tuple[float, float]) -> None:
    random = np.random.default_rng(3)
    a, b = (random.random(200) < share for share in shares)
    result = stats.mcnemar(a, b)
    table = [[(a & b).sum(), result.only_first], [result.only_second, (~a & ~b).sum()]]
    expected = mcnemar(table, exact=True).pvalue if result.only_first + result.only_second else 1.0
    assert result.p_value == pytest.approx(expected)
    assert result.only_first == (a & ~b).sum()


def test_minimum_detectable_difference_is_near_statsmodels_power() -> None:
    seeds = 10
    test = stats.paired_test(*by_seed([1, 0, 1, 0, 1, 1, 0, 0, 1, 0]))
    deviation = test.standard_error * math.sqrt(seeds)
    exact = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8) * deviation
    assert stats.minimum_detectable(test) == pytest.approx(exact, rel=0.05)


def test_under_three_seeds_no_verdict_is_given() -> None:
    random = np.random.default_rng(4)
    a, b = (random.random((2, 10_000)) < share for share in (0.99, 0.9))
    assert stats.decide_verdicts([stats.paired_test(a, b)], [2])[0].kind == "too few seeds"


@pytest.mark.parametrize(
    ("times", "median", "low", "high", "missed"),
    [
        ([3.0, 1.0, 2.0], 2, 1, 3, 0),
        ([1.0, 2.0, 3.0, 4.0], 2.5, 1, 4, 0),
        ([1.0, math.nan, 2.0], 2, 1, 2, 1),  # of 1, 2, never the middle one is 2
        ([1.0, 2.0, math.nan, math.nan], math.nan, 1, 2, 2),  # between 2 and never
        ([5.0, math.nan, math.nan], math.nan, 5, 5, 2),
        ([math.nan, math.nan], math.nan, math.nan, math.nan, 2),
        ([], math.nan, math.nan, math.nan, 0),
    ],
)
def test_a_goal_that_was_missed_counts_as_later_than_all(
    times: list[float], median: float, low: float, high: float, missed: int
) -> None:
    result = stats.reached(times)
    assert (result.missed, result.trials) == (missed, len(times))
    assert (result.median, result.low, result.high) == pytest.approx((median, low, high), nan_ok=True)


@pytest.mark.parametrize(
    ("values", "unsteady"),
    [
        ([9.6, 9.6, 10, 10.4, 10.4], False),  # IQR 0.8 of 10
        ([9, 9, 10, 11, 11], True),  # IQR 2 of 10
        ([7.0], False),
        ([], False),
        ([0, 0, 0], False),
    ],
)
def test_a_wide_iqr_is_unsteady(values: list[float], unsteady: bool) -> None:
    assert stats.is_unsteady(stats.spread(values)) == unsteady


def resampled(a: np.ndarray, b: np.ndarray, draws: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    drawn = stats.resample_images(np.concatenate([a, b]), np.random.default_rng(1), draws)
    return drawn[: len(a)], drawn[len(a) :]


def test_with_seeds_that_agree_the_bootstrap_is_scipys_over_images() -> None:
    random = np.random.default_rng(7)
    a, b = (np.tile(random.random(2000) < share, (4, 1)) for share in (0.97, 0.95))
    ours = stats.two_way_bootstrap(*resampled(a, b), np.random.default_rng(2))
    difference = a[0].astype(float) - b[0]
    theirs = scipy.stats.bootstrap(
        (difference,), np.mean, n_resamples=10_000, method="percentile", rng=random
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.0011)  # two steps of 1/2000


def test_the_bootstrap_variance_is_that_of_seeds_and_images_together() -> None:
    random = np.random.default_rng(8)
    a = random.random((10, 4000)) < np.linspace(0.90, 0.95, 10)[:, None]
    b = random.random((10, 4000)) < 0.9
    interval = stats.two_way_bootstrap(*resampled(a, b), np.random.default_rng(3))
    differences = a.astype(float) - b
    # Owen 2007, "The pigeonhole bootstrap": the two variances of the mean add up, and that of the entries comes on top
    seeds, images = differences.shape
    rows, columns = differences.mean(axis=1).var() / seeds, differences.mean(axis=0).var() / images
    rest = (differences - differences.mean(axis=1)[:, None] - differences.mean(axis=0) + differences.mean()).var()
    half = 1.96 * math.sqrt(rows + columns + rest / (seeds * images))
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.03)
    assert (interval.high + interval.low) / 2 == pytest.approx(differences.mean(), abs=0.001)


def test_a_bootstrap_that_cannot_be_made_has_no_bounds() -> None:
    one, other = resampled(np.ones((1, 50)), np.ones((2, 50)), draws=10)
    for a, b in ((one, one), (one, other), (np.empty((0, 0)), np.empty((0, 0)))):
        assert math.isnan(stats.two_way_bootstrap(a, b, np.random.default_rng(0)).low)
    constant = stats.two_way_bootstrap(other, other, np.random.default_rng(0))
    assert (constant.low, constant.high) == (0, 0)


@pytest.mark.parametrize(
    ("y", "where"),
    [([1.0, 0.95, 0.85], 1.5), ([1.0, 0.9, 0.8], 1.0), ([0.8, 1.0, 1.0], 0.0), ([1.0, 1.0, 1.0], np.nan)],
)
def test_falling_below_a_level_is_interpolated(y: list[float], where: float) -> None:
    assert stats.falls_below(np.arange(3.0), np.array(y), 0.9) == pytest.approx(where, nan_ok=True)


def test_area_is_the_mean_over_the_range() -> None:
    assert stats.area_under(np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.0, 0.0])) == pytest.approx(0.5 / 3)


def test_the_interval_of_two_paired_shares() -> None:
    # 178 and 47 of 10,000: 0.0131 +- 1.959964 sqrt((0.0225 - 0.0131^2) / 10,000), statsmodels' confint of the mean
    # of +1, -1 and 0 with a normal quantile and the variance over n
    interval = stats.share_difference(0.0178, 0.0047, 10_000)
    assert interval.low == pytest.approx(0.0131 - 0.00292868, abs=1e-7)
    assert interval.high == pytest.approx(0.0131 + 0.00292868, abs=1e-7)
    assert np.isnan(stats.share_difference(0.0, 0.0, 0).low)
    assert stats.share_difference(0.0, 0.0, 10) == stats.Interval(0.0, 0.0)
