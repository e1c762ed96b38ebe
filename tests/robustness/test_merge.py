"""A merge that the disk or a signal stops."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.records.merge import merge_into
from bench.records.storage import load_predictions, load_runs
from tests.conftest import Command
from tests.support.factories import make_run
from tests.support.results import measured_files, save_runs


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "one", make_run("cnn", 0), make_run("mlp", 1, later=1))


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_next_call_goes_on(command: Command, tmp_path: Path, one: Path) -> None:
    save_runs(one, make_run("softmax", 2, later=9), weights=b"w" * 600_000)

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    failed = command("merge", "one", "--results", "out", preexec_fn=small_files_only)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: cannot merge into out: File too large")
    assert failed.stderr.count("\n") == 1
    assert {run.trial.model for run in load_runs(tmp_path / "out")[0]} == {"cnn", "mlp"}
    merge_into(tmp_path / "out", [one])
    assert measured_files(tmp_path / "out") == measured_files(one)


@pytest.mark.slow
def test_a_killed_merge_is_completed_by_the_next(tmp_path: Path, environment: dict[str, str]) -> None:
    source = save_runs(tmp_path / "source", *(make_run("cnn", seed, later=seed) for seed in range(200)))
    out = tmp_path / "out"
    line = [sys.executable, "-m", "bench", "merge", str(source), "--results", str(out)]
    running = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(list(out.rglob("*.json"))) < 5 and running.poll() is None:
        time.sleep(0.001)
    running.kill()
    running.communicate()
    runs, problems = load_runs(out)
    assert 5 <= len(runs) < 200
    assert problems == []
    assert all(load_predictions(out, run) for run in runs), "a record never comes before its predictions"
    merge_into(out, [source])
    assert measured_files(source).items() <= measured_files(out).items()
    assert len(load_runs(out)[0]) == 200
