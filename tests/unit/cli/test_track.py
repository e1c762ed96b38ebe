"""``track`` through the real command: a first run, an unchanged second one, and a step that was made slower."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.cli.track import compare_with_last, last_cases, save
from bench.records.pytest_benchmarks import Case, cases_of
from tests.conftest import ROOT, Command
from tests.support.documents import copy_of_the_project

STEP = ("track", "--only", "training_step and softmax")


def content(median_s: float = 0.01, **conditions: Any) -> dict[str, Any]:
    """A saved run of one case, with what pytest-benchmark writes as far as it is read."""
    extra = {"threshold": 0.3, "conditions": {"device": "cpu", "threads": 2} | conditions}
    return {
        "datetime": "2026-01-02T03:04:05.678901+00:00",
        "commit_info": {"id": "c0ffee", "dirty": False},
        "benchmarks": [
            {"fullname": "tests/benchmarks/test_x.py::test_x[cnn]", "stats": {"median": median_s}, "extra_info": extra}
        ],
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project, to be made slower."""
    return copy_of_the_project(tmp_path / "checkout")


@pytest.mark.slow
def test_a_step_made_slower_is_caught_by_the_real_command(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    def track() -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "bench", *STEP, "--results", str(tmp_path / "results")]
        return subprocess.run(line, cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    first = track()
    assert first.returncode == 0, first.stderr
    assert "baseline saved: " in first.stdout
    source, step = checkout / "bench" / "training" / "train_step.py", "        self._count += 1\n"
    assert source.read_text().count(step) == 1
    source.write_text(source.read_text().replace(step, f"        __import__('time').sleep(0.005)\n{step}"))
    second = track()
    assert second.returncode == 1, second.stderr
    regressions = [line for line in second.stdout.splitlines() if line.startswith("regression: ")]
    assert len(regressions) == 1
    assert regressions[0].startswith("regression: test_training_step[softmax]: ")
    assert track().returncode == 0, "held against the run before, which was as slow"


def test_a_run_is_saved_without_a_host_name_or_a_path(command: Command, tmp_path: Path) -> None:
    import platform

    done = command("track", "--only", "test_verdicts", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [row["benchmark"] for row in answer["benchmarks"]] == ["test_verdicts"]
    text = (tmp_path / answer["saved"]).read_text()
    saved = json.loads(text)
    assert not {"node", "release"} & saved["machine_info"].keys()
    assert f'"{platform.node()}"' not in text
    assert str(ROOT) not in text
    assert saved["machine_info"]["gpu_state"] is None or saved["machine_info"]["gpu"]
    assert saved["benchmarks"][0]["extra_info"]["conditions"]["threads"] >= 1
    assert "libraries" in saved["machine_info"]


@pytest.mark.parametrize(
    ("before", "after", "slower"), [(0.01, 0.0129, False), (0.01, 0.0131, True), (0.01, 0.001, False)]
)
def test_each_case_has_its_own_threshold(before: float, after: float, slower: bool) -> None:
    (step,) = compare_with_last(cases_of(content(after)), cases_of(content(before)))
    assert step.slower is slower


def test_the_line_of_a_regression_says_all() -> None:
    (step,) = compare_with_last(cases_of(content(0.02)), cases_of(content(0.01)))
    assert step.regression == "test_x[cnn]: 20 ms, was 10 ms: 2.00 times as long, allowed 1.30"


def test_other_conditions_are_not_compared() -> None:
    (step,) = compare_with_last(cases_of(content(9.0, threads=4)), cases_of(content(0.01)))
    assert not step.slower
    assert step.note == "not comparable: threads 2 -> 4"


def test_a_case_is_held_against_its_own_last_run(tmp_path: Path) -> None:
    save(tmp_path, content(0.01))
    save(tmp_path, content(0.02))
    other = content()
    other["benchmarks"][0]["fullname"] = "x::test_other"
    save(tmp_path, other)
    assert {name: case.median_s for name, case in last_cases(tmp_path).items()} == {
        "test_x[cnn]": 0.02,
        "test_other": 0.01,
    }
    assert sorted(path.name[:11] for path in tmp_path.iterdir()) == ["0001_c0ffee", "0002_c0ffee", "0003_c0ffee"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"benchmarks": [1]}', '{"benchmarks": [{"fullname": 1}]}'])
def test_files_that_are_no_runs_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    save(tmp_path, content())
    (tmp_path / "0002_x.json").write_text(text)
    assert last_cases(tmp_path) == {"test_x[cnn]": Case("test_x[cnn]", 0.01, 0.3, {"device": "cpu", "threads": 2})}
    assert "warning: 0002_x.json is no benchmark run" in capsys.readouterr().err


@pytest.mark.slow
def test_bad_calls_are_one_last_line(command: Command, tmp_path: Path) -> None:
    nothing = command("track", "--only", "no_such_benchmark")
    assert nothing.returncode == 2
    assert nothing.stderr.splitlines()[-1].startswith("error: no benchmark is called like 'no_such_benchmark'")
    wrong = command("track", "--only", "a b")
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1].startswith("error: ")
    (tmp_path / "file").touch()
    assert "cannot write to results folder" in command("track", "--results", "file").stderr
