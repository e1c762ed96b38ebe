"""Probes through the real command."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.records.probes import load_probes
from bench.runner.suites import SUITES
from tests.conftest import Command
from tests.support.small_runs import UNTIMED


@pytest.mark.slow
def test_the_real_command_asks_once_and_trains_again_where_the_weights_are_gone(
    command: Command, tmp_path: Path
) -> None:
    call = (*UNTIMED, "--epochs", "1", "--models", "softmax", "--json")
    trained = count(json.loads(command(*call).stdout))
    assert trained == {"done": 1, "already_done": 0}
    records = {record.probe: record for record in load_probes(tmp_path / "results")[0]}
    assert records.keys() == SUITES["quick"].probes.keys()
    assert all(record.images == 500 for record in records.values())
    assert records["distortion"].numbers["clean"] > 0.8
    assert records["sample_efficiency"].numbers.keys() == {"n_100", "n_300", "n_1000"}
    assert {records[name].train_images for name in ("distortion", "blocks")} == {0, 1000}
    assert count(json.loads(command(*call).stdout)) == {"done": 0, "already_done": 1}
    for path in (tmp_path / "results").rglob("*"):
        if path.suffix == ".safetensors" or path.parent.parent.name == "probes":
            path.unlink()
    assert count(json.loads(command(*call).stdout)) == {"done": 1, "already_done": 0}
    assert len(load_probes(tmp_path / "results")[0]) == len(records)


def count(summary: dict[str, Any]) -> dict[str, int]:
    return {part: len(summary[part]) for part in ("done", "already_done")}


@pytest.mark.slow
def test_damaged_weights_are_one_line(command: Command, tmp_path: Path) -> None:
    def call() -> Any:
        return command(*UNTIMED, "--epochs", "1", "--models", "softmax")

    call()
    for path in (tmp_path / "results").rglob("*"):
        if path.suffix == ".safetensors":
            path.write_bytes(b"no weights")
        if path.parent.parent.name == "probes":
            path.unlink()
    done = call()
    assert done.returncode == 2
    assert "error: probe failed: distortion of softmax seed 0: the weights softmax-" in done.stderr
    assert "remove the file and the model is trained again" in done.stderr
    assert "Traceback" not in done.stderr
    next((tmp_path / "results").rglob("*.safetensors")).unlink()
    assert call().returncode == 0
