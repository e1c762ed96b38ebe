"""What is asked of git: the records of a commit, and the checkout's own."""

import json
import subprocess
from pathlib import Path

import pytest

from bench.common.package import PACKAGE
from bench.runner.environment import read_git
from tests.conftest import ROOT, Command
from tests.support.comparison import cnn
from tests.support.results import save_runs


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "base", *cnn())


def test_records_are_read_out_of_git(command: Command, tmp_path: Path, base: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    base.rename(tmp_path / "results")
    git("add", "results")
    git("commit", "-m", "records")
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


def test_the_checkout_is_found_wherever_the_modules_lie() -> None:
    """A wrong folder is no error: records would say ``commit: null``."""
    assert PACKAGE == ROOT / "bench"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert read_git().commit == (head.stdout.strip() or None)
