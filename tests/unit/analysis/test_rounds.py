"""The ratio of two times from rounds in turn, on a machine that is not ours alone."""

import math

import numpy as np
import pytest

from bench.analysis.stats import paired_ratio


def noisy(random: np.random.Generator, rounds: int, seconds: float = 1.0, jitter: float = 0.02) -> np.ndarray:
    return seconds * np.exp(random.normal(0, jitter, rounds))


def test_steady_times_give_their_ratio_exactly() -> None:
    ratio = paired_ratio([3.0] * 15, [2.0] * 15)
    assert (ratio.median, ratio.low, ratio.high, ratio.rounds) == (pytest.approx(1.5),) * 3 + (15,)
    assert ratio.is_told


def test_the_ratio_of_the_other_way_round_is_the_inverse() -> None:
    random = np.random.default_rng(0)
    first, second = noisy(random, 20, 5.0), noisy(random, 20, 2.0)
    one, other = paired_ratio(first, second), paired_ratio(second, first)
    assert [one.median, one.low, one.high] == pytest.approx([1 / other.median, 1 / other.high, 1 / other.low], rel=1e-3)


def test_rounds_on_a_slow_machine_do_not_count_though_it_slows_one_more_than_the_other() -> None:
    random = np.random.default_rng(1)
    slow = np.arange(30) % 3 > 0  # two rounds in three
    first = noisy(random, 30, 5.0) * np.where(slow, 1.9, 1.0)
    second = noisy(random, 30, 1.0) * np.where(slow, 1.2, 1.0)
    ratio = paired_ratio(first, second)
    assert ratio.low < 5 < ratio.high
    assert ratio.high / ratio.low < 1.1
    assert ratio.rounds == 10
    assert np.median(first / second) > 7, "what the median of all rounds would have said"


def test_a_spike_in_one_of_the_two_changes_nothing() -> None:
    random = np.random.default_rng(2)
    first, second = noisy(random, 15), noisy(random, 15)
    calm = paired_ratio(first, second)
    second[3] *= 10
    assert paired_ratio(first, second).median == pytest.approx(calm.median, rel=0.02)


def test_models_of_the_same_speed_are_rarely_told_apart_and_a_tenth_is_found() -> None:
    random = np.random.default_rng(3)
    same = [paired_ratio(noisy(random, 15), noisy(random, 15)).is_told for _ in range(200)]
    assert sum(same) <= 16
    slower = [paired_ratio(noisy(random, 15, 1.1), noisy(random, 15)).is_told for _ in range(50)]
    assert all(slower)


@pytest.mark.parametrize("rounds", [1, 4])
def test_under_five_rounds_there_is_a_ratio_without_an_interval(rounds: int) -> None:
    ratio = paired_ratio([3.0] * rounds, [2.0] * rounds)
    assert ratio.median == pytest.approx(1.5)
    assert math.isnan(ratio.low)
    assert math.isnan(ratio.high)
    assert not ratio.is_told


def test_no_round_gives_no_ratio() -> None:
    ratio = paired_ratio([], [])
    assert math.isnan(ratio.median)
    assert ratio.rounds == 0


def test_the_interval_is_the_same_each_time_and_wider_for_more_confidence() -> None:
    random = np.random.default_rng(4)
    first, second = noisy(random, 15), noisy(random, 15)
    assert paired_ratio(first, second) == paired_ratio(first, second)
    sure, surer = paired_ratio(first, second), paired_ratio(first, second, confidence=0.999)
    assert surer.low < sure.low < sure.median < sure.high < surer.high
