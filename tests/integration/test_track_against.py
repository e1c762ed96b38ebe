"""``track --against``: the working tree held against a commit, through the real command."""

import json
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bench.tracking import against
from bench.tracking.worktree import worktree_of
from tests.conftest import Command
from tests.support.documents import copy_of_the_project
from tests.support.processes import start, wait_for
from tests.support.slower import slow_down

Track = Callable[..., "subprocess.CompletedProcess[str]"]

STEP = "training_step and mlp and not matched"
CASE = "test_training_step[mlp]"


def git(folder: Path, *arguments: str) -> str:
    line = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits of a project of one file, the second of which has benchmarks."""
    folder = tmp_path / "repository"
    (folder / "tests" / "benchmarks").mkdir(parents=True)
    (folder / "file").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    (folder / "tests" / "benchmarks" / "test_x.py").touch()
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "second")
    return folder


BENCHMARKS = Path("tests") / "benchmarks"


def test_a_worktree_has_the_commit_and_is_gone_afterwards(repository: Path) -> None:
    (repository / "file").write_text("changed")
    (repository / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\ntouch hooked\n")
    (repository / ".git" / "hooks" / "post-checkout").chmod(0o755)
    with worktree_of(repository, "HEAD", BENCHMARKS) as worktree:
        assert worktree.commit == git(repository, "rev-parse", "HEAD")
        assert (worktree.folder / "file").read_text() == ""
        assert not (worktree.folder / "hooked").exists()
        assert len(git(repository, "worktree", "list").splitlines()) == 2
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not worktree.folder.parent.exists()
    assert (repository / "file").read_text() == "changed"


def test_a_worktree_is_gone_after_an_error_and_where_its_folder_was_removed(repository: Path) -> None:
    with pytest.raises(KeyboardInterrupt), worktree_of(repository, "HEAD", BENCHMARKS) as worktree:
        shutil.rmtree(worktree.folder)
        raise KeyboardInterrupt
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_worktrees_of_the_user_are_left_alone(repository: Path, tmp_path: Path) -> None:
    """Even one on a disk that is not there now, which 'git worktree prune' would forget."""
    git(repository, "worktree", "add", "--detach", str(tmp_path / "other"))
    (tmp_path / "other").rename(tmp_path / "unmounted")
    with worktree_of(repository, "HEAD", BENCHMARKS):
        pass
    assert str(tmp_path / "other") in git(repository, "worktree", "list")


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nowhere", "git knows no commit 'nowhere'"),
        ("", "git knows no commit ''"),
        ("--all", "git knows no commit '--all'"),
        ("HEAD:file", "git knows no commit 'HEAD:file'"),
        ("HEAD..HEAD~1", "git knows no commit 'HEAD..HEAD~1'"),
        ("HEAD~1", "has no tests/benchmarks: name a commit that has the benchmarks"),
    ],
)
def test_a_commit_that_cannot_be_measured_is_one_line(
    repository: Path, monkeypatch: pytest.MonkeyPatch, in_process: Command, revision: str, message: str
) -> None:
    monkeypatch.setattr(against, "CHECKOUT", repository)
    check_refused(in_process("track", f"--against={revision}"), message)


def test_without_git_or_a_repository_it_is_one_line(
    repository: Path, monkeypatch: pytest.MonkeyPatch, in_process: Command, tmp_path: Path
) -> None:
    monkeypatch.setattr(against, "CHECKOUT", repository / "tests")
    check_refused(in_process("track", "--against", "HEAD"), "is no repository")
    monkeypatch.setattr(against, "CHECKOUT", tmp_path)
    check_refused(in_process("track", "--against", "HEAD"), "is no repository")
    monkeypatch.setenv("PATH", "/nowhere")
    check_refused(in_process("track", "--against", "HEAD"), "--against needs git, which cannot be run")


def check_refused(done: "subprocess.CompletedProcess[str]", message: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project in a repository of its own, all committed."""
    project = copy_of_the_project(tmp_path / "checkout")
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "-qm", "all")
    return project


@pytest.fixture
def track(checkout: Path, environment: dict[str, str], tmp_path: Path) -> Track:
    """The real command of the copy."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "bench", "track", *arguments, "--results", str(tmp_path / "results")]
        return subprocess.run(line, cwd=checkout, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.slow
@pytest.mark.alone
def test_what_is_slower_only_in_the_working_tree_is_found(checkout: Path, track: Track, tmp_path: Path) -> None:
    slow_down(checkout, 1.0)
    benchmarks = checkout / "tests" / "benchmarks" / "test_new.py"
    benchmarks.write_text("def test_training_step_and_mlp_anew(benchmark):\n    benchmark(print)\n")
    done = track("--against", "HEAD", "-k", STEP, "--json")
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    (row,) = answer["benchmarks"]
    assert (row["benchmark"], row["verdict"]) == (CASE, "slower")
    assert 1.5 < row["ratio"] < 4
    assert row["low"] > 1.03
    assert answer["regressions"][0].startswith(f"{CASE}: ")
    assert (answer["only_before"], answer["only_after"]) == ([], ["test_training_step_and_mlp_anew"])
    assert answer["before"]["commit"] == answer["after"]["commit"] == git(checkout, "rev-parse", "HEAD")
    assert answer["after"]["dirty"]
    files = sorted(Path(answer["saved"]).iterdir())
    assert [path.name.split("_")[1] for path in files] == ["before", "after"] * 4
    texts = [path.read_text() for path in files]
    assert not any(f'"{platform.node()}"' in text or str(tmp_path) in text for text in texts)
    assert not (tmp_path / "results" / "benchmarks").exists(), "it is no part of the history"
    assert len(git(checkout, "worktree", "list").splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(
    checkout: Path, environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = ("track", "--against", "HEAD", "--only", STEP, "--results", str(tmp_path / "results"))
    runner = start(environment | {"TMPDIR": str(temporary)}, checkout, *arguments)
    wait_for(runner, "1/1")
    children = psutil.Process(runner.pid).children(recursive=True)
    assert len(children) == 2
    runner.send_signal(number)
    _, errors = runner.communicate(timeout=30)
    assert runner.returncode == 128 + number
    assert errors.splitlines()[-1].startswith(f"stopped by {number.name}")
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert len(git(checkout, "worktree", "list").splitlines()) == 1
    assert list(temporary.glob("mnist-bench-*")) == []
    assert list((tmp_path / "results").rglob("*.json")) == []


NEIGHBOUR = """
import random, time
import numpy as np
source, target, chance = np.ones(2**23), np.empty(2**23), random.Random(0)
while True:
    until = time.monotonic() + chance.expovariate(1)
    while time.monotonic() < until:
        np.copyto(target, source)
    time.sleep(chance.expovariate(1))
"""


@contextmanager
def neighbour() -> Iterator[None]:
    """A process that copies 64 MB to and fro, switched on and off at random, for a second each on average."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR])
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def few_benchmarks(checkout: Path) -> None:
    """Only those of training: the imports of the others take longer than what is measured here."""
    for other in set((checkout / BENCHMARKS).glob("test_*.py")) - {checkout / BENCHMARKS / "test_training.py"}:
        other.unlink()
    git(checkout, "commit", "-qam", "fewer benchmarks")


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.timeout(3600)
def test_beside_a_noisy_neighbour_no_change_is_none(few_benchmarks: None, track: Track) -> None:
    with neighbour():
        codes = [track("--against", "HEAD", "--only", STEP).returncode for _ in range(20)]
    assert set(codes) <= {0, 1}
    assert codes.count(1) <= 1


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.timeout(3600)
def test_beside_a_noisy_neighbour_ten_percent_are_found(checkout: Path, few_benchmarks: None, track: Track) -> None:
    slow_down(checkout, 0.1)
    with neighbour():
        codes = [track("--against", "HEAD", "--only", STEP).returncode for _ in range(10)]
    assert set(codes) <= {0, 1}
    assert codes.count(1) >= 9
