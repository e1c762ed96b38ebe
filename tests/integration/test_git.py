"""What is asked of git: the records of a commit, and the checkout's own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.common.package import PACKAGE
from bench.records.schema import Run
from bench.runner.environment import read_git
from tests.conftest import ROOT, Command
from tests.support.comparison import BOXES, cnn
from tests.support.documents import copy_of_the_project
from tests.support.results import save_runs


def commit_records(folder: Path, *runs: Run) -> None:
    """A repository with one commit, of which ``origin/main`` is the name too."""
    save_runs(folder / "results", *runs)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (
        ["init"],
        ["add", "results"],
        ["commit", "-m", "records"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_records_are_read_out_of_git(command: Command, tmp_path: Path) -> None:
    commit_records(tmp_path, *cnn())
    save_runs(tmp_path / "results", *cnn(1.5, later=100))
    done = command("compare", "HEAD:results", "results", "--fail", "epoch_s:10%", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    epoch = next(change for change in answer["changes"] if change["metric"] == "epoch_s")
    assert epoch["change"] == pytest.approx(0.5, abs=0.01)
    assert epoch["mark"] == "+"
    assert len(answer["regressions"]) == 1
    (tmp_path / "sub").mkdir()
    assert command("compare", "HEAD:results", "../results", cwd=tmp_path / "sub").returncode == 0


def test_a_comment_for_a_pull_request_is_against_a_branch(command: Command, tmp_path: Path) -> None:
    commit_records(tmp_path, *cnn(machine=BOXES[0]))
    save_runs(tmp_path / "results", *cnn(1.5, 0.98, machine=BOXES[1], later=100))
    line = "compare", "origin/main:results", "results", "--markdown"
    done = command(*line, "--fail", "test_accuracy:0.3pp")
    assert done.returncode == 1
    assert done.stdout.startswith("**1 worse, 4 not comparable**; gates: 1 broken\n\nBASE `origin/main:results`, ")
    idle = command(*line, "--fail", "epoch_s:10%")
    assert (idle.returncode, idle.stderr.count("\n")) == (2, 1)
    assert "error: no gate had anything to judge (cnn: measured on another machine of the same kind" in idle.stderr
    assert command(*line, "--fail", "epoch_s:10%", "--allow-idle").returncode == 0


def test_the_checkout_is_found_wherever_the_modules_lie() -> None:
    """A wrong folder is no error: records would say ``commit: null``."""
    assert PACKAGE == ROOT / "bench"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert read_git().commit == (head.stdout.strip() or None)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project in a repository of its own, with one commit."""
    project = copy_of_the_project(tmp_path / "checkout")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "--quiet"], ["add", "bench", "models", "pyproject.toml"], ["commit", "-qm", "all"]):
        subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)
    return project


def commit_seen(checkout: Path, **environment: str) -> list[str]:
    code = "from bench.runner.environment import read_git; git = read_git(); print(git.commit, git.dirty)"
    line, surroundings = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(checkout)} | environment
    done = subprocess.run(line, cwd=checkout.parent, env=surroundings, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_DIR": "/nowhere"},
        {"GIT_DIR": str(ROOT / ".git"), "GIT_WORK_TREE": str(ROOT)},
        {"GIT_INDEX_FILE": "/nowhere/index"},
        {"GIT_LITERAL_PATHSPECS": "1"},
        {"GIT_CEILING_DIRECTORIES": "/"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "true"},
        {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_the_users_environment_does_not_change_the_commit(checkout: Path, variables: dict[str, str]) -> None:
    (checkout / "results").mkdir()
    (checkout / "results" / "record.json").touch()
    shutil.rmtree(checkout / "tests")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    assert commit_seen(checkout, **variables) == [head.stdout.strip(), "False"]


def test_a_checkout_of_another_user_has_a_commit_and_a_machine_without_git_none(checkout: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534)
    refused = subprocess.run(["git", "status"], cwd=checkout, capture_output=True, text=True, check=False)
    assert "dubious ownership" in refused.stderr
    commit, dirty = commit_seen(checkout)
    assert (len(commit), dirty) == (40, "True")
    assert commit_seen(checkout, PATH="/nowhere") == ["None", "None"]
