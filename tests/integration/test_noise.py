"""Repeats of a real trial."""

import json
from pathlib import Path

from bench.analysis.noise_floor import noise_runs
from tests.conftest import Command


def test_repeats_of_a_real_trial_give_the_same_weights_and_a_floor_of_their_times(
    command: Command, tmp_path: Path
) -> None:
    done = command("noise", "--models", "softmax", "--repeats", "2", "--epochs", "2", "--json")
    assert done.returncode == 0, done.stderr
    (floor,) = json.loads(done.stdout)
    assert (floor["model"], floor["repeats"], floor["test_accuracy"]) == ("softmax", 2, 0)
    assert floor["epoch_s"] > 0
    runs = noise_runs(tmp_path / "results")
    assert len({run.result.test_loss for run in runs if run.result}) == 1
    assert all(run.clock is not None and run.clock.startup_s > 0.5 for run in runs), "each in a process of its own"
    assert "## Noise floor" in (tmp_path / "results" / "README.md").read_text()
    assert "No finished run yet" in (tmp_path / "results" / "README.md").read_text(), "repeats are no results"
