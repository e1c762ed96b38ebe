"""What is called slower: what is so in every pair of processes, by more than the tolerance, whatever the noise."""

import numpy as np
import pytest

from bench.tracking.turns import plan_turns
from bench.tracking.verdicts import CONFIRMATIONS, Judged, PairOfProcesses, judge, to_confirm, turns_of

CASE = "test_x[cnn]"
TURNS = 30


def pair(random: np.random.Generator, slower: float = 0.0, bias: float = 0.0, cases: int = 1) -> PairOfProcesses:
    """Turns of 10 ms that a neighbour, switched on and off, makes up to half as long again, with 3 % noise each."""
    names = [CASE, *(f"test_{number}" for number in range(1, cases))]
    sides: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
    for name in names:
        switched = np.cumsum(random.random(TURNS) < 0.2) % 2
        for side, factor in zip(sides, (1.0, (1 + slower) * (1 + bias)), strict=True):
            side[name] = 0.01 * factor * (1 + 0.5 * switched) * random.lognormal(0, 0.03, TURNS)
    return PairOfProcesses(*sides)


def compare(random: np.random.Generator, slower: float = 0.0, bias_sd: float = 0.0, cases: int = 1) -> list[Judged]:
    """As a call does it: more pairs as long as there is something to confirm."""
    pairs = [pair(random, slower, random.normal(0, bias_sd), cases)]
    while chosen := to_confirm(pairs):
        more = pair(random, slower, random.normal(0, bias_sd), cases)
        pairs.append(PairOfProcesses({n: more.before[n] for n in chosen}, {n: more.after[n] for n in chosen}))
    return judge(pairs)


def test_ten_percent_are_found() -> None:
    found = [compare(np.random.default_rng(seed), slower=0.1, bias_sd=0.01)[0].verdict for seed in range(40)]
    assert found.count("slower") >= 36


def test_nothing_is_called_slower_where_nothing_changed() -> None:
    """In 20 calls of all benchmarks, though the memory of a process makes it faster or slower by 3 % or so."""
    verdicts = [
        {case.verdict for case in compare(np.random.default_rng(seed), bias_sd=0.03, cases=24)} for seed in range(20)
    ]
    assert sum("slower" in found for found in verdicts) <= 1


def test_what_one_pair_of_processes_says_is_not_enough() -> None:
    """The difference is sure within the first pair, and in no other."""
    random = np.random.default_rng(0)
    first = pair(random, bias=0.1)
    assert to_confirm([first]) == [CASE]
    assert to_confirm([first, pair(random)]) == []
    (judged,) = judge([first, pair(random)])
    assert judged.verdict != "slower"
    assert judged.ratio.median == pytest.approx(1, abs=0.02), "the first pair has only chosen it"


def test_pairs_that_disagree_are_no_verdict() -> None:
    random = np.random.default_rng(0)
    pairs = [pair(random, bias=bias) for bias in (0.1, 0.1, 0.1, -0.1)]
    assert judge(pairs)[0].verdict == "cannot tell"


def test_what_changed_is_measured_in_so_many_pairs_and_no_more() -> None:
    random = np.random.default_rng(0)
    pairs = [pair(random, slower=0.2) for _ in range(1 + CONFIRMATIONS)]
    assert [to_confirm(pairs[:number]) for number in range(1, len(pairs) + 1)] == [[CASE]] * CONFIRMATIONS + [[]]
    assert judge(pairs)[0].turns == CONFIRMATIONS * TURNS


@pytest.mark.parametrize(("change", "verdict"), [(0.2, "slower"), (-0.2, "faster"), (0.0, "no change")])
def test_each_verdict(change: float, verdict: str) -> None:
    (judged,) = compare(np.random.default_rng(3), slower=change)
    assert judged.verdict == verdict
    assert judged.ratio.low <= 1 + change <= judged.ratio.high
    assert judged.ratio.low < judged.ratio.median < judged.ratio.high


def test_more_benchmarks_have_wider_intervals() -> None:
    one, many = (compare(np.random.default_rng(5), cases=cases)[0].ratio for cases in (1, 24))
    assert many.high - many.low > one.high - one.low


def test_the_line_of_a_regression_says_all() -> None:
    pairs = [PairOfProcesses({CASE: np.full(5, 0.01)}, {CASE: np.full(5, 0.02)})] * (1 + CONFIRMATIONS)
    assert judge(pairs)[0].regression == "test_x[cnn]: 20 ms, was 10 ms: 2.00 times as long [2.00, 2.00]"


def test_a_turn_is_the_median_of_its_timings() -> None:
    case = {"fullname": "x.py::a", "stats": {"data": [1, 2, 90, 4, 5, 6]}, "extra_info": {"timings_per_turn": 3}}
    assert turns_of({"benchmarks": [case]})["a"].tolist() == [2.0, 5.0]


@pytest.mark.parametrize("other", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("call_s", [0.0, 1e-7, 1e-4, 0.002, 0.05, 0.3, 5.0])
def test_turns_are_long_enough_and_not_too_many(call_s: float, other: float) -> None:
    plan = plan_turns([call_s * other, call_s])
    turn_s = plan["calls"] * plan["timings"] * max(call_s, 1e-7)
    assert 0.1 * (1 - 1e-9) <= turn_s <= max(0.2, 1.01 * call_s)
    assert 15 <= plan["turns"] <= 40
    assert plan["timings"] <= 40
