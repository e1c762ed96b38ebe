"""Every wrong call: one line that says what is wrong and what would be right, exit code 2, nothing written.

The command runs in this process, which spares each case the seconds that importing torch takes.
"""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.cli.app import app
from bench.common.errors import UserError
from bench.data import files
from bench.data.registry import DATASETS
from bench.records.storage import save_run
from tests.conftest import Command
from tests.support.factories import make_predictions, make_run
from tests.support.fashion import FASHION

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
    (("run", "--seeds", "three"), "--seeds is 'three': write how many, as 5, or which, as 5-9 or 3,7"),
    (("run", "--seeds", "9-5"), "--seeds is '9-5': write how many, as 5, or which, as 5-9 or 3,7"),
    (("run", "--seeds", "0-20000"), "--seeds must name from 1 to 10000 seeds"),
    (("run", "--seeds", "3,3000000000"), "--seeds has 3 to 3000000000: a seed must be from 0 to 2147483647"),
    (("run", "--timing-rounds", "-1"), "--timing-rounds is -1: it must be from 0, for none, to 1000"),
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
    (("run", "--executor", "rya"), "unknown executor 'rya': did you mean 'ray'?"),
    (("run", "--ray-address", "auto"), "--ray-address goes with --executor ray"),
    (("run", "--executor", "ray", "--ray-address", ""), "--ray-address is '': write auto, or HOST:PORT"),
    (("run", "--executor", "ray", "--ray-address", "head"), "--ray-address is 'head': write auto, or HOST:PORT"),
    (("run", "--executor", "ray", "--ray-address", "head:99999"), "with a port from 1024 to 65535"),
    (("run", "--executor", "ray", "--ray-address", "ray://head:10001"), "write auto, or HOST:PORT"),
    (("run", "--batch-size", "-3"), "--batch-size is -3: it must be from 1 to 60000"),
    (("run", "--precision", "a b"), "unknown precision 'a b'"),
    (("run", "--recipe", "artcle"), "unknown recipe 'artcle': did you mean 'article'?"),
    (("run", "--recipe", "none.toml"), "cannot read recipe none.toml: No such file"),
    (("recipes", "artcle"), "unknown recipe 'artcle': did you mean 'article'?"),
    (("tune", "--arm", "bset"), "unknown arm 'bset': did you mean 'best'?"),
    (("tune", "--models", "cnm"), "unknown model 'cnm': did you mean 'cnn'?"),
    (("tune", "--random", "0"), "--random is 0: it must be from 1 to 10,000"),
    (("tune", "--halving", "-1"), "--halving is -1: it must be from 0 to 10,000"),
    (("tune", "--seed", "-1"), "--seed is -1"),
    (("tune", "--goal", "0.9"), "--goal goes with --arm sprint"),
    (("tune", "--arm", "sprint", "--goal", "99"), "--goal is 99: it must be a share of the images between 0 and 1"),
    (
        ("tune", "--arm", "sprint", "--models", "mlp_matched"),
        "mlp_matched has no goal of its own: name one",
    ),
    (("tune", "--results", "/proc/nowhere"), "cannot write to results folder /proc/nowhere"),
    (("tune", "--executor", "rya"), "unknown executor 'rya': did you mean 'ray'?"),
    (("run", "--nonsense"), "No such option: --nonsense"),
    (("run", "cnn"), "unexpected extra argument"),
    (("run", "--models"), "requires an argument"),
    (("run", "--models", "cnn,mpl"), "unknown model 'mpl': did you mean 'mlp'?"),
    (("run", "--models", "../cnn"), "no such file: ../cnn"),
    (("run", "--models", "\x1b[31mcnn"), "unknown model '\\x1b[31mcnn'"),
    (("run", "--seeds", "1.5"), "--seeds is '1.5': write how many"),
    (("run", "--seeds", "1000000000000"), "--seeds is 1000000000000: it must be at most 10000"),
    (("run", "--epochs", "ten"), "Invalid value for '--epochs'"),
    (("run", "--epochs", "-1"), "--epochs is -1"),
    (("run", "--batch-size", "x"), "Invalid value for '--batch-size'"),
    (("run", "--suite", "quick", "--batch-size", "20001"), "--batch-size is 20001: it must be from 1 to 20000"),
    (("run", "--timeout", "-5"), "--timeout is -5"),
    (("run", "--timeout", "inf"), "--timeout is inf"),
    (("run", "--timeout", "soon"), "Invalid value for '--timeout'"),
    (("run", "--device", "cuda:9"), "unknown device 'cuda:9'"),
    (("run", "--suite", ""), "unknown suite ''"),
    (("run", "--data-dir", "/dev/null"), "--data-dir"),
    (("report",), "no results folder results"),
    (("report", "--results", "/dev/null"), "no results folder /dev/null"),
    (("models", "cnn"), "unexpected extra argument"),
    (("doctor", "--data-dir", "/proc/nowhere"), "--data-dir"),
    (("doctor", "--results"), "requires an argument"),
    (("speed", "--device", "tpu"), "unknown device 'tpu'"),
    (("noise", "--epochs", "0"), "--epochs is 0"),
    (("noise", "--repeats", "many"), "Invalid value for '--repeats'"),
    (("noise", "--precision", "fp8"), "unknown precision 'fp8'"),
    (("--nonsense",), "No such option: --nonsense"),
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
    (("track", "--accept"), "there is no run to accept in results/benchmarks/"),
    (("track", "--accept", "--against", "HEAD"), "--accept takes the newest saved run as it is"),
    (("track", "--accept", "--only", "step"), "--accept takes the newest saved run as it is"),
    (("track", "--against"), "requires an argument"),
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
    (("compare", ".", ".", "--markdown", "--json"), "--markdown and --json exclude each other"),
    (("compare", "--output=x:y", "."), "No such option"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, in_process: Command, tmp_path: Path
) -> None:
    done = in_process(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "results").rglob("*.json")) == []


def test_without_ray_the_line_says_what_installs_it(in_process: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "bench.runner.ray_cluster.connect", raising=False)
    done = in_process("run", "--executor", "ray")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == "error: --executor ray needs Ray, which is not installed: pip install -c constraints.txt -e '.[cluster]'\n"
    )


def test_a_folder_that_cannot_be_merged_into_is_one_line(in_process: Command, tmp_path: Path) -> None:
    save_run(tmp_path / "source", make_run(), make_predictions(), b"")
    for folder in ("/proc/nowhere", "/dev/null"):
        done = in_process("merge", "source", "--results", folder)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"error: cannot write to results folder {folder}" in done.stderr


def test_data_that_cannot_be_had_is_one_line(
    in_process: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SYSTEM", tmp_path / "no-such")
    monkeypatch.setitem(DATASETS, "fashion-mnist", dataclasses.replace(FASHION, mirrors=("http://127.0.0.1:9/",)))
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


def test_every_command_explains_itself(in_process: Command) -> None:
    for name in (None, *(command.name or command.callback.__name__ for command in app.registered_commands)):  # type: ignore[union-attr]
        done = in_process(*([name] if name else []), "--help")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert "Usage" in done.stdout


@pytest.mark.parametrize(("arguments", "text"), [(("models",), "standard output: No space"), (("--help",), "No space")])
def test_output_that_cannot_be_written_is_one_line(command: Command, arguments: tuple[str, ...], text: str) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs a device that is always full")
    with full.open("w") as output:
        done = command(*arguments, stdout=output, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["mlp", "cnm"]}, "unknown model 'cnm': did you mean 'cnn'?"),
        ({"models": "mlp, cnm"}, "unknown model 'cnm'"),
        ({"suite": "quik"}, "did you mean 'quick'?"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"probes": ["distorsion"]}, "did you mean 'distortion'?"),
        ({"seeds": 0}, "seeds is 0: it must be at least 1"),
        ({"epochs": 2.5}, "epochs is 2.5: it must be a whole number"),
        ({"batch_size": "128"}, "batch_size is '128': it must be a whole number"),
        ({"timeout": 0}, "timeout is 0: it must be more than 0 seconds"),
        ({"results": "/proc/nowhere"}, "cannot write to results folder /proc/nowhere"),
    ],
)
def test_a_wrong_call_from_python_is_one_line(
    options: dict[str, Any], message: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        bench.run(data_dir=data_dir, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
