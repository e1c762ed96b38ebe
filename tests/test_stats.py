import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from bench import stats


@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_t_interval_is_scipys(size: int) -> None:
    sample = np.random.default_rng(size).normal(0.98, 0.01, size)
    found = stats.t_interval(list(sample))
    expected = scipy_stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("sample", [[], [0.9], [0.9, math.nan], [0.9, math.inf]])
def test_t_interval_of_too_little_is_nan(sample: list[float]) -> None:
    found = stats.t_interval(sample)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(("right", "of"), [(0, 10), (10, 10), (9900, 10_000), (1, 3), (9180, 10_000)])
def test_wilson_interval_is_statsmodels(right: int, of: int) -> None:
    found = stats.wilson_interval(right, of)
    assert (found.low, found.high) == pytest.approx(proportion_confint(right, of, method="wilson"), abs=1e-12)


def test_wilson_interval_of_nothing_is_nan() -> None:
    assert math.isnan(stats.wilson_interval(0, 0).low)
    assert math.isnan(stats.wilson_interval(5, 3).low)


def test_spread_is_scipys() -> None:
    sample = np.random.default_rng(0).exponential(size=31)
    found = stats.spread(list(sample))
    assert found.median == np.median(sample)
    assert found.iqr == pytest.approx(scipy_stats.iqr(sample))
    assert found.relative == pytest.approx(scipy_stats.iqr(sample) / np.median(sample))
    assert math.isnan(stats.spread([]).median)
