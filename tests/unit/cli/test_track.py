"""Saved runs of the benchmarks held against each other."""

from pathlib import Path

import pytest

from bench.cli.track import compare_with_last, last_cases, save
from bench.records.pytest_benchmarks import Case, cases_of
from tests.support.factories import saved_benchmarks


@pytest.mark.parametrize(
    ("before", "after", "slower"), [(0.01, 0.0129, False), (0.01, 0.0131, True), (0.01, 0.001, False)]
)
def test_each_case_has_its_own_threshold(before: float, after: float, slower: bool) -> None:
    (step,) = compare_with_last(cases_of(saved_benchmarks(after)), cases_of(saved_benchmarks(before)))
    assert step.slower is slower


def test_the_line_of_a_regression_says_all() -> None:
    (step,) = compare_with_last(cases_of(saved_benchmarks(0.02)), cases_of(saved_benchmarks(0.01)))
    assert step.regression == "test_x[cnn]: 20 ms, was 10 ms: 2.00 times as long, allowed 1.30"


def test_other_conditions_are_not_compared() -> None:
    (step,) = compare_with_last(cases_of(saved_benchmarks(9.0, threads=4)), cases_of(saved_benchmarks(0.01)))
    assert not step.slower
    assert step.note == "not comparable: threads 2 -> 4"


def test_a_case_is_held_against_its_own_last_run(tmp_path: Path) -> None:
    save(tmp_path, saved_benchmarks(0.01))
    save(tmp_path, saved_benchmarks(0.02))
    other = saved_benchmarks()
    other["benchmarks"][0]["fullname"] = "x::test_other"
    save(tmp_path, other)
    assert {name: case.median_s for name, case in last_cases(tmp_path).items()} == {
        "test_x[cnn]": 0.02,
        "test_other": 0.01,
    }
    assert sorted(path.name[:11] for path in tmp_path.iterdir()) == ["0001_c0ffee", "0002_c0ffee", "0003_c0ffee"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"benchmarks": [1]}', '{"benchmarks": [{"fullname": 1}]}'])
def test_files_that_are_no_runs_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    save(tmp_path, saved_benchmarks())
    (tmp_path / "0002_x.json").write_text(text)
    assert last_cases(tmp_path) == {"test_x[cnn]": Case("test_x[cnn]", 0.01, 0.3, {"device": "cpu", "threads": 2})}
    assert "warning: 0002_x.json is no benchmark run" in capsys.readouterr().err
