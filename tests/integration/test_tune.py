"""``tune`` through the real command, on the training images alone."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.recipes.files import find_recipes
from bench.records.storage import load_runs
from bench.records.tuning import TunedTrial, load_tuned
from tests.conftest import Command

SMALL = ("tune", "--models", "softmax", "--random", "2", "--halving", "1", "--results", "results")
SPRINT = ("tune", "--arm", "sprint", "--goal", "0.8", "--models", "softmax", "--random", "4", "--halving", "4")


@pytest.fixture
def training_images(data_dir: Path, tmp_path: Path) -> Path:
    """A data folder in which the files of the test images cannot be opened, and would be noticed if they were."""
    folder = tmp_path / "training-images"
    shutil.copytree(data_dir, folder)
    for path in folder.rglob("t10k-*"):
        path.unlink()
        path.mkdir()
    return folder


def records(folder: Path) -> list[TunedTrial]:
    tuned, problems = load_tuned(folder)
    assert not problems
    return tuned


@pytest.mark.slow
def test_recipes_are_found_without_the_test_images_and_train(
    command: Command, tmp_path: Path, training_images: Path, data_dir: Path
) -> None:
    done = command(*SMALL, "--data-dir", str(training_images), "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    recipes = find_recipes(str(tmp_path / row["recipe"]))
    assert recipes.files[None].provenance["held_out_images"] == 5_000
    assert recipes.files[None].provenance["trials"] == 3
    tuned = records(tmp_path / "results")
    assert [record.number for record in tuned if record.role != "final"] == [0, 1, 2]
    assert all(record.trial.held_out == 5_000 and record.trial.train_size == 55_000 for record in tuned)
    best = max(tuned, key=lambda record: record.accuracy or 0)
    assert 0.7 < (best.accuracy or 0) < 0.95
    text = (tmp_path / "results" / "recipes" / "best" / "softmax.toml").read_text()
    assert str(tmp_path) not in text

    folder = str(tmp_path / "results" / "recipes" / "best")
    options = ("--recipe", folder, "--seeds", "2", "--probes", "none", "--timing-rounds", "0", "--results", "results")
    run = command("run", *options, "--data-dir", str(data_dir))
    assert run.returncode == 0, run.stderr
    runs, _ = load_runs(tmp_path / "results")
    assert {(one.trial.arm, one.trial.model, one.trial.train_size) for one in runs} == {("best", "softmax", 60_000)}
    assert {one.trial.details for one in runs} == {recipes.recipe("softmax", 60_000).details}
    assert "best recipes, each model's own" in run.stdout


@pytest.mark.slow
def test_a_killed_study_goes_on_where_it_was(command: Command, environment: dict[str, str], tmp_path: Path) -> None:
    whole = command(*SPRINT, "--results", "whole")
    assert whole.returncode == 0, whole.stderr
    line = [sys.executable, "-m", "bench", *SPRINT]
    killed = subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "results").rglob("sprint-softmax-*.json"))) < 2:
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = {record.moment for record in records(tmp_path / "results")}
    again = command(*SPRINT)
    assert again.returncode == 0, again.stderr
    after, never_stopped = records(tmp_path / "results"), records(tmp_path / "whole")
    assert before <= {record.moment for record in after}
    drawn, same = (
        {record.number: (record.status, record.accuracy) for record in part if record.role != "final"}
        for part in (after, never_stopped)
    )
    assert drawn == same
    assert len(after) == len({(record.number, record.trial.seed) for record in after}), "nothing was trained twice"
    assert (tmp_path / "results" / "recipes" / "sprint" / "softmax.toml").is_file()


@pytest.mark.slow
def test_a_study_of_another_seed_is_refused_and_kept(command: Command, tmp_path: Path) -> None:
    small = ("tune", "--models", "softmax", "--random", "1", "--halving", "0", "--arm", "sprint")
    assert command(*small).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()}
    other = command(*small, "--seed", "1")
    assert (other.returncode, other.stdout) == (2, "")
    last = other.stderr.splitlines()[-1]
    assert last.startswith("error: results holds a study of softmax with another space, seed or data")
    assert {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()} == before
