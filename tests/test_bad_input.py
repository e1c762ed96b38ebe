"""Every wrong call: one line that says what is wrong and what would be right, exit code 2, nothing written.

The command runs in this process, which spares each case the seconds that importing torch takes.
"""

from pathlib import Path

import pytest
from torchvision.datasets import FashionMNIST

from bench import dataset_files
from bench.storage import save_run
from tests.conftest import Command
from tests.factories import make_predictions, make_run

BAD = [
    (("run", "--models", "cnm"), "unknown model 'cnm': did you mean 'cnn'?"),
    (("run", "--suite", "artcle"), "did you mean 'article'?"),
    (("run", "--dataset", "mnits"), "did you mean 'mnist'?"),
    (("run", "--dataset", "fashon-mnist"), "did you mean 'fashion-mnist'?"),
    (("noise", "--dataset", "mnits"), "did you mean 'mnist'?"),
    (("run", "--device", "gpu"), "unknown device 'gpu'"),
    (("run", "--device", "mps"), "device 'mps' is not available here: use one of auto"),
    (("run", "--seeds", "0"), "--seeds is 0: it must be at least 1"),
    (("run", "--seeds", "-3"), "--seeds is -3"),
    (("run", "--seeds", "three"), "Invalid value for '--seeds': Input should be a valid integer"),
    (("run", "--epochs", "0"), "--epochs is 0"),
    (("run", "--batch-size", "0"), "--batch-size is 0: it must be from 1 to 60000"),
    (("run", "--batch-size", "60001"), "--batch-size is 60001"),
    (("run", "--precision", "fp8"), "unknown precision 'fp8'"),
    (("run", "--probes", "distorsion"), "unknown probe 'distorsion': did you mean 'distortion'?"),
    (("run", "--timeout", "0"), "--timeout is 0"),
    (("run", "--timeout", "nan"), "--timeout is nan"),
    (("run", "--results", "/proc/nowhere"), "cannot write to results folder /proc/nowhere"),
    (("run", "--results", "/dev/null"), "cannot write to results folder /dev/null"),
    (("run", "--data-dir", "/proc/nowhere"), "--data-dir"),
    (("run", "--nonsense"), "No such option: --nonsense"),
    (("report",), "no results folder results"),
    (("speed", "--models", "cnm"), "did you mean 'cnn'?"),
    (("speed", "--precision", "fp8"), "unknown precision 'fp8'"),
    (("speed", "--precision", "tf32"), "precision tf32 needs a CUDA device"),
    (("speed", "--results", "/proc/nowhere"), "cannot write to results folder /proc/nowhere"),
    (("peers", "--models", "cnm"), "did you mean 'cnn'?"),
    (("peers", "--models", "mlp_matched"), "unknown model with a counterpart in other frameworks 'mlp_matched'"),
    (("peers", "--results", "/proc/nowhere"), "cannot write to results folder /proc/nowhere"),
    (("nonsense",), "No such command"),
    (("noise", "--repeats", "1"), "--repeats is 1: it must be at least 2"),
    (("noise", "--models", "cnm"), "did you mean 'cnn'?"),
    (("noise", "--results", "/proc/nowhere"), "cannot write to results folder /proc/nowhere"),
    (("track", "--results", "/proc/nowhere"), "cannot write to results folder /proc/nowhere"),
    (("merge",), "Missing argument"),
    (("merge", "nowhere"), "no results folder nowhere: name folders that 'python -m bench run' has written"),
    (("merge", "."), "no records in .: name results folders, those that have a folder 'runs' in them"),
    (("merge", ".", "nowhere"), "no results folder nowhere"),
    (("merge", ".", "--keep", "lats"), "unknown rule for --keep 'lats': did you mean 'last'?"),
    (("merge", ".", "--keep", ""), "unknown rule for --keep ''"),
    (("compare",), "Missing argument"),
    (("compare", "a"), "Missing argument"),
    (("compare", "nowhere", "nowhere"), "no folder nowhere: name a folder of records, or REV:FOLDER"),
    (("compare", "HEAD:nowhere", "."), "cannot read HEAD:nowhere"),
    (("compare", ".", "."), ". holds no records: run 'python -m bench run' first"),
    (("compare", ".", ".", "--fail", "epoch_s"), "write [MODEL.]METRIC:NUMBER"),
    (("compare", ".", ".", "--fail", ""), "write [MODEL.]METRIC:NUMBER"),
    (("compare", ".", ".", "--fail", "epoch_s:-1%"), "write [MODEL.]METRIC:NUMBER"),
    (("compare", ".", ".", "--fail", "epoch_s:nan%"), "write [MODEL.]METRIC:NUMBER"),
    (("compare", ".", ".", "--fail", "epochs:10%"), "did you mean 'epoch_s'?"),
    (("compare", ".", ".", "--fail", "epoch_s:10pp"), "epoch_s is gated in %, as epoch_s:10%"),
    (("compare", ".", ".", "--fail", "test_accuracy:1%"), "test_accuracy is gated in pp"),
    (("compare", ".", ".", "--sort", "size"), "unknown sort order 'size'"),
    (("compare", "--output=x:y", "."), "No such option"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], said: str, in_process: Command, tmp_path: Path
) -> None:
    done = in_process(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "results").rglob("*.json")) == []


def test_a_folder_that_cannot_be_merged_into_is_one_line(in_process: Command, tmp_path: Path) -> None:
    save_run(tmp_path / "source", make_run(), make_predictions(), b"")
    for folder in ("/proc/nowhere", "/dev/null"):
        done = in_process("merge", "source", "--results", folder)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"error: cannot write to results folder {folder}" in done.stderr


def test_data_that_cannot_be_had_is_one_line(
    in_process: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_files, "SYSTEM", tmp_path / "no-such")
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    done = in_process("run", "--dataset", "fashion-mnist", "--data-dir", str(tmp_path / "data"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: fashion-mnist is not on this machine and cannot be downloaded")
    assert "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz" in done.stderr
    assert f"into {tmp_path / 'data' / 'FashionMNIST' / 'raw'}" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_process_of_its_own_says_the_same(command: Command, in_process: Command) -> None:
    arguments = ("run", "--models", "cnm")
    outside, inside = command(*arguments), in_process(*arguments)
    assert (outside.returncode, outside.stdout, outside.stderr) == (inside.returncode, inside.stdout, inside.stderr)
