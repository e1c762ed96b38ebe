"""``track`` through the real command: a first run, an unchanged second one, and a step that was made slower."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Command
from tests.support.documents import copy_of_the_project

pytestmark = pytest.mark.alone

STEP = ("track", "--only", "training_step and softmax")


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
