"""Runs held against the accepted baseline: it does not drift, and it is of the same machine and software."""

from typing import Any

import pytest

from bench.common.errors import UserError
from bench.records.pytest_benchmarks import SavedRun, parse_run
from bench.tracking.baseline import compare, find_baselines, find_vanished, surroundings_changed
from tests.support.factories import saved_cases

CASE = "test_x[cnn]"


def run(number: int, median_s: float = 0.01, **options: Any) -> SavedRun:
    """One run of one case, each of a commit of its own unless it is named."""
    return run_of(number, {CASE: median_s}, **options)


def run_of(number: int, medians_s: dict[str, float], **options: Any) -> SavedRun:
    options = {"commit": f"c{number}", "threshold": 0.15} | options
    return parse_run(saved_cases(medians_s, **options), f"{number:04d}_x.json")


def slower(runs: list[SavedRun]) -> list[bool]:
    """Whether each run was slower than the baseline of the runs before it, none of which was accepted by hand."""
    return [
        any(step.slower for step in compare(runs[number], find_baselines(runs[:number], ())))
        for number in range(len(runs))
    ]


@pytest.mark.parametrize(
    ("before", "after", "is_slower"), [(0.01, 0.0129, False), (0.01, 0.0131, True), (0.01, 0.001, False)]
)
def test_each_case_has_its_own_threshold(before: float, after: float, is_slower: bool) -> None:
    assert slower([run(1, before), run(2, after, threshold=0.3)]) == [False, is_slower]


def test_the_line_of_a_regression_says_all() -> None:
    (step,) = compare(run(2, 0.02, threshold=0.3), find_baselines([run(1)], ()))
    assert step.regression == "test_x[cnn]: 20 ms, was 10 ms: 2.00 times as long, allowed 1.30"


def test_small_steps_that_add_up_are_found() -> None:
    runs = [run(number, 0.01 * 1.04**number) for number in range(7)]
    assert slower(runs) == [False, False, False, False, True, True, True]


def test_what_is_slower_stays_slower_until_it_is_accepted() -> None:
    runs = [run(1), run(2, 0.02), run(3, 0.02), run(4, 0.02)]
    assert slower(runs) == [False, True, True, True]
    runs += [run(5, 0.02), run(6, 0.024)]
    accepted = find_baselines(runs[:4], ("0004_x.json",))
    assert [compare(now, accepted)[0].slower for now in runs[4:]] == [False, True]


def test_a_slower_run_does_not_join_by_being_repeated() -> None:
    runs = [run(1), run(2, 0.02, commit="slow"), run(3, 0.02, commit="slow"), run(4, 0.02, commit="slow")]
    assert slower(runs)[1:] == [True, True, True]


def test_the_baseline_is_the_median_of_the_first_five_runs_of_its_commit() -> None:
    times = [0.010, 0.020, 0.011, 0.012, 0.013, 0.5, 0.6]
    runs = [run(number, time, commit="same") for number, time in enumerate(times)]
    medians = [find_baselines(runs[:number], ())[CASE].median_s for number in range(1, 8)]
    assert medians == pytest.approx([0.010, 0.015, 0.011, 0.0115, 0.012, 0.012, 0.012])


@pytest.mark.parametrize(
    "other",
    [
        {"commit": "other"},
        {"dirty": True},
        {"dirty": None},
        {"torch": "2.14.0"},
        {"python": "3.12.1"},
        {"threads": 4},
    ],
)
def test_no_other_run_joins(other: dict[str, Any]) -> None:
    runs = [run(1, commit="same"), run(2, 0.5, **{"commit": "same"} | other)]
    assert find_baselines(runs, ())[CASE].median_s == 0.01


def test_runs_without_git_never_join_each_other() -> None:
    runs = [run(1, commit=None, dirty=None), run(2, 0.5, commit=None, dirty=None)]
    assert find_baselines(runs, ())[CASE].median_s == 0.01


def test_accepting_a_choice_of_cases_leaves_the_others_as_they_were() -> None:
    runs = [run_of(1, {"a": 1.0, "b": 1.0}), run_of(2, {"a": 2.0}, deselected=["b"]), run_of(3, {"a": 9.0, "b": 9.0})]
    baselines = find_baselines(runs, ("0002_x.json",))
    assert {name: baseline.median_s for name, baseline in baselines.items()} == {"a": 2.0, "b": 1.0}


def test_accepting_all_cases_forgets_what_was_before() -> None:
    runs = [run_of(1, {"a": 1.0, "gone": 1.0}), run_of(2, {"a": 2.0})]
    assert list(find_baselines(runs, ("0002_x.json",))) == ["a"]


def test_a_new_case_begins_its_own_baseline() -> None:
    runs = [run_of(1, {"a": 1.0}), run_of(2, {"a": 1.0, "new": 1.0}), run_of(3, {"a": 1.0, "new": 2.0})]
    assert compare(runs[1], find_baselines(runs[:1], ()))[1].note == "baseline"
    assert slower(runs) == [False, False, True]


def test_a_vanished_and_a_renamed_case_are_named() -> None:
    baselines = find_baselines([run_of(1, {"test_step[cnn]": 1.0, "test_data": 1.0, "test_stays": 1.0})], ())
    gone = find_vanished(run_of(2, {"test_stays": 1.0, "test_steps[cnn]": 1.0}), baselines)
    assert [str(case) for case in gone] == [
        "test_step[cnn] is in the baseline and no longer a benchmark; renamed to test_steps[cnn]?",
        "test_data is in the baseline and no longer a benchmark",
    ]


def test_what_only_leaves_out_has_not_vanished() -> None:
    baselines = find_baselines([run_of(1, {"a": 1.0, "b": 1.0})], ())
    assert find_vanished(run_of(2, {"a": 1.0}, deselected=["b"]), baselines) == []


@pytest.mark.parametrize(
    ("now", "difference"),
    [
        ({"torch": "2.16.0"}, "torch 2.15.0 -> 2.16.0"),
        ({"python": "3.12.1"}, "Python 3.11.7 -> 3.12.1"),
        ({"processor": "Other CPU"}, "processor Test CPU -> Other CPU"),
        ({"threads": 4}, "threads 2 -> 4"),
        ({"device": "cuda"}, "device cpu -> cuda"),
    ],
)
def test_a_baseline_of_other_surroundings_is_not_comparable(now: dict[str, Any], difference: str) -> None:
    assert surroundings_changed(run(2, **now), find_baselines([run(1)], ())) == [difference]
    assert surroundings_changed(run(2), find_baselines([run(1)], ())) == []


def test_a_benchmark_that_measures_something_else_now_is_not_compared() -> None:
    runs = [run(1, batch_size=64), run(2, 9.0, batch_size=128)]
    (step,) = compare(runs[1], find_baselines(runs[:1], ()))
    assert not step.slower
    assert step.note == "not comparable: batch_size 64 -> 128"
    assert surroundings_changed(runs[1], find_baselines(runs[:1], ())) == []


def test_an_accepted_run_that_is_gone_is_one_line() -> None:
    with pytest.raises(UserError, match=r"accepted.txt names 0003_x.json, which is no saved run here"):
        find_baselines([run(1)], ("0003_x.json",))
