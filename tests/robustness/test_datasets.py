"""The files of the data set, damaged anywhere and unpacked by several at once."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.data import datasets
from tests.conftest import ROOT

MNIST = datasets.DATASETS["mnist"]


@pytest.fixture
def own_copy(data_dir: Path, tmp_path: Path) -> Path:
    shutil.copytree(data_dir, tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize(
    "bytes_in_turn", [pytest.param(25, marks=pytest.mark.slow), pytest.param(500, marks=pytest.mark.soak)]
)
@pytest.mark.timeout(900)
def test_a_single_wrong_byte_anywhere_is_found(
    own_copy: Path, capsys: pytest.CaptureFixture[str], bytes_in_turn: int
) -> None:
    locations = random.Random(0)
    for _ in range(bytes_in_turn):
        file = locations.choice(sorted(MNIST.sha256))
        path = own_copy / MNIST.folder / file
        with path.open("r+b") as opened:
            position = locations.randrange(path.stat().st_size)
            opened.seek(position)
            before = opened.read(1)
            opened.seek(position)
            opened.write(bytes([before[0] ^ locations.randrange(1, 256)]))
        datasets.prepare(MNIST, own_copy)
        assert f"{file} is damaged" in capsys.readouterr().err, position
        with path.open("rb") as opened:
            opened.seek(position)
            assert opened.read(1) == before
    train, test = datasets.load(MNIST, own_copy)
    assert (int(train.labels.sum()), int(test.labels.sum())) == (267236, 44434)


@pytest.mark.slow
def test_eight_processes_unpack_once_and_all_read_the_right_data(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from bench.data import datasets;"
        "train, test = datasets.load(datasets.DATASETS['mnist'], pathlib.Path(sys.argv[1]));"
        "print(int(train.labels.sum()), int(test.labels.sum()))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    # The sums of all labels of MNIST's two files.
    assert {process.communicate()[0].strip() for process in started} == {"267236 44434"}
