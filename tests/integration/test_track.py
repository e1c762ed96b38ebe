"""``track`` through the real command: a first run, an unchanged second one, and a step that was made slower."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Command
from tests.support.documents import copy_of_the_project
from tests.support.slower import slow_down

pytestmark = pytest.mark.alone

STEP = ("--only", "training_step and softmax")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project, to be made slower."""
    return copy_of_the_project(tmp_path / "checkout")


@pytest.mark.slow
def test_a_step_made_slower_is_caught_until_it_is_accepted(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    def track(*arguments: str) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "bench", "track", *arguments, "--results", str(tmp_path / "results")]
        return subprocess.run(line, cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    first = track(*STEP)
    assert first.returncode == 0, first.stderr
    assert "baseline saved: " in first.stdout
    slow_down(checkout, 10.0)
    for _ in range(2):
        slower = track(*STEP)
        assert slower.returncode == 1, slower.stderr
        regressions = [line for line in slower.stdout.splitlines() if line.startswith("regression: ")]
        assert len(regressions) == 1
        assert regressions[0].startswith("regression: test_training_step[softmax]: ")
    accepted = track("--accept")
    assert accepted.returncode == 0, accepted.stderr
    assert accepted.stdout.startswith("accepted as the baseline of 1 benchmarks: ")
    assert track(*STEP).returncode == 0, "held against the run that was accepted"


@pytest.mark.slow
def test_a_baseline_of_another_torch_is_one_line_and_a_vanished_case_is_named(command: Command, tmp_path: Path) -> None:
    call = ("track", "--only", "test_verdicts", "--json")
    first = tmp_path / json.loads(command(*call).stdout)["saved"]
    baseline = json.loads(first.read_text())
    gone = baseline["benchmarks"][0] | {"fullname": "tests/benchmarks/test_statistics.py::test_verdict"}
    first.write_text(json.dumps(baseline | {"benchmarks": [*baseline["benchmarks"], gone]}))
    second = json.loads(command(*call).stdout)
    assert (second["vanished"], second["new"]) == (["test_verdict"], [])
    baseline["machine_info"]["libraries"]["torch"] = "1.0"
    first.write_text(json.dumps(baseline))
    foreign = command(*call)
    assert (foreign.returncode, foreign.stdout) == (2, "")
    last = foreign.stderr.splitlines()[-1]
    assert last.startswith("error: the baseline is of another machine or software (torch 1.0 -> ")
    assert "'track --accept' makes the run that was just saved, " in last


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


def test_options_that_the_user_sets_for_pytest_are_not_taken(command: Command, environment: dict[str, str]) -> None:
    hostile = {"PYTEST_ADDOPTS": "--no-such", "PYTEST_PLUGINS": "no_such", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = command("track", "--only", "test_verdicts", env=environment | hostile | {"GIT_DIR": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert "baseline saved: " in done.stdout
