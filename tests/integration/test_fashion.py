"""Fashion-MNIST from its packed files to its report."""

import shutil
from pathlib import Path

import pytest

from bench.data import datasets, files
from bench.records.storage import load_runs
from tests.conftest import Command
from tests.support.fashion import DEBIAN, FASHION, needs_debians_files
from tests.support.small_runs import UNTIMED


@needs_debians_files
@pytest.mark.slow
def test_packed_files_in_the_data_folder_come_first_and_a_damaged_one_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / FASHION.folder
    shutil.copytree(DEBIAN, raw)
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no gzip")
    datasets.prepare(FASHION, tmp_path)
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert f"{raw / 't10k-labels-idx1-ubyte.gz'} is damaged; passed over" in message
    monkeypatch.setattr(files, "SYSTEM", tmp_path / "no-such")
    (raw / "train-labels-idx1-ubyte").write_bytes(b"")
    datasets.prepare(FASHION, tmp_path)
    assert "train-labels-idx1-ubyte is damaged" in capsys.readouterr().err
    assert all(files.problem_with(raw / file, sha256) is None for file, sha256 in FASHION.sha256.items())


@needs_debians_files
@pytest.mark.slow
def test_fashion_mnist_runs_from_training_to_report(command: Command, tmp_path: Path) -> None:
    done = command(*UNTIMED, "--models", "mlp,cnn", "--dataset", "fashion-mnist")
    assert done.returncode == 0, done.stderr
    runs, problems = load_runs(tmp_path / "results")
    assert problems == []
    assert {run.trial.dataset for run in runs} == {"fashion-mnist"}
    assert all(run.result and 0.75 < run.result.test_accuracy < 0.95 for run in runs)
    page = (tmp_path / "results" / "README.md").read_text()
    for heading in ("Distortion", "Spatial structure", "Features", "Fewer training images", "Calibration"):
        assert f"### {heading}" in page
    assert "right-in-one-alone.svg" in page
