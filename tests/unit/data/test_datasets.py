import gzip
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from bench.common.errors import UserError
from bench.data import datasets, files, idx
from bench.data.numpy_loader import packed_array
from bench.data.registry import DATASETS, label_names_of
from tests.support.fashion import FASHION, as_published, needs_debians_files

MNIST = datasets.DATASETS["mnist"]


@pytest.fixture
def own_copy(data_dir: Path, tmp_path: Path) -> Path:
    shutil.copytree(data_dir, tmp_path / "data")
    return tmp_path / "data"


def test_it_is_mnist(mnist: tuple[datasets.Split, datasets.Split]) -> None:
    train, test = mnist
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    # The first labels of both files, as on the page that published them.
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert MNIST.train_size == len(train.labels)


def test_torchvision_reads_the_same(data_dir: Path, mnist: tuple[datasets.Split, datasets.Split]) -> None:
    for split, is_train in zip(mnist, (True, False), strict=True):
        theirs = torchvision.datasets.MNIST(data_dir, train=is_train, download=False)
        assert torch.equal(split.images, theirs.data)
        assert torch.equal(split.labels, theirs.targets)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x08", b"\0\0\x0d\x01\0\0\0\0", b"\0\0\x08\x01", b"\0\0\x08\x01\0\0\0\x02?"]
)
def test_what_is_no_idx_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        idx.parse(content)


@pytest.mark.parametrize("file", MNIST.sha256)
@pytest.mark.parametrize("damage", ["truncated", "one bit", "swapped", "empty", "missing"])
def test_a_wrong_file_is_named_and_mended(
    own_copy: Path, capsys: pytest.CaptureFixture[str], file: str, damage: str
) -> None:
    path = own_copy / MNIST.folder / file
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[:-1])
    elif damage == "one bit":
        path.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    elif damage == "swapped":
        other = next(name for name in MNIST.sha256 if name != file and name.split("-")[1] == file.split("-")[1])
        shutil.copy(path.with_name(other), path)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    datasets.prepare(MNIST, own_copy)
    message = capsys.readouterr().err
    assert path.read_bytes() == content
    assert message.count("\n") == (damage != "missing")
    assert damage == "missing" or file in message


def test_a_damaged_built_in_file_is_one_line(own_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(files.ASSETS, tmp_path / "assets")
    monkeypatch.setattr(files, "ASSETS", tmp_path / "assets")
    packed = tmp_path / "assets" / "mnist" / "t10k-labels-idx1-ubyte.gz"
    (own_copy / MNIST.folder / "t10k-labels-idx1-ubyte").unlink()
    for content in (b"", packed.read_bytes()[:100], b"no gzip", gzip.compress(b"other labels")):
        packed.write_bytes(content)
        with pytest.raises(UserError, match=r"built-in file t10k-labels-idx1-ubyte\.gz"):
            datasets.prepare(MNIST, own_copy)


def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    with pytest.raises(UserError, match="--data-dir"):
        datasets.prepare(MNIST, Path("/proc/nowhere"))


@needs_debians_files
def test_debians_files_are_those_that_were_published() -> None:
    published = dict(torchvision.datasets.FashionMNIST.resources)
    digests = {f"{file}.gz": hashlib.md5(as_published(file)).hexdigest() for file in FASHION.sha256}
    assert digests == published
    assert FASHION.label_names == tuple(torchvision.datasets.FashionMNIST.classes)


@needs_debians_files
def test_fashion_mnist_is_unpacked_from_debians_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = datasets.load(FASHION, tmp_path)
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert sorted(set(test.labels.tolist())) == list(range(FASHION.num_classes))
    assert FASHION.train_size == len(train.labels)
    monkeypatch.setattr(files, "SYSTEM", tmp_path / "no-such")
    monkeypatch.setenv("MNIST_BENCH_DATA", str(tmp_path))
    read_without_torch = packed_array("fashion-mnist")
    assert read_without_torch is not None
    assert torch.equal(test.images, torch.from_numpy(read_without_torch.copy()))


def test_labels_of_datasets_known_and_unknown_have_names() -> None:
    assert label_names_of("mnist") == tuple("0123456789")
    assert label_names_of("fashion-mnist")[8:] == ("Bag", "Ankle boot")
    assert label_names_of("elsewhere") == ()
    assert all(len(set(entry.label_names)) == entry.num_classes for entry in DATASETS.values())


def idx_file(array: np.ndarray) -> bytes:
    header = bytes((0, 0, idx.UNSIGNED_BYTE, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def own_dataset(data_dir: Path, train_size: int = 20, **changed: np.ndarray | bytes) -> datasets.DatasetFiles:
    """A dataset of 20 and of 10 images, in the form of the registry; any of its files may be given."""
    content = {
        "train-images-idx3-ubyte": np.zeros((20, 28, 28)),
        "train-labels-idx1-ubyte": np.arange(20) % 10,
        "t10k-images-idx3-ubyte": np.zeros((10, 28, 28)),
        "t10k-labels-idx1-ubyte": np.arange(10),
    } | {f"{name.replace('_', '-')}-ubyte": value for name, value in changed.items()}
    (data_dir / "own").mkdir()
    hashes = {}
    for name, value in content.items():
        data = value if isinstance(value, bytes) else idx_file(value)
        (data_dir / "own" / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    return datasets.DatasetFiles("own", "own", hashes, tuple("ABCDEFGHIJ"), train_size)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"train_labels_idx1": np.arange(20) % 10 + 1},
            "train-labels-idx1-ubyte holds labels from 1 to 10: 10 classes are labelled from 0 to 9",
        ),
        ({"t10k_labels_idx1": np.full(10, 255)}, "t10k-labels-idx1-ubyte holds labels from 255 to 255"),
        ({"train_labels_idx1": np.zeros(19)}, r"train-images-idx3-ubyte holds \(20, 28, 28\) beside \(19,\)"),
        ({"t10k_images_idx3": np.zeros((10, 32, 32))}, r"\(10, 32, 32\).*: they must be \(N, 28, 28\) and \(N,\)"),
        ({"train_labels_idx1": np.array(1)}, r"beside \(\) in train-labels-idx1-ubyte"),
        ({"train_size": 21}, "train-images-idx3-ubyte holds 20 images: train_size is 21"),
        ({"t10k_images_idx3": np.zeros((0, 28, 28)), "t10k_labels_idx1": np.zeros(0)}, "holds 0 images"),
        ({"train_labels_idx1": b"\0\0\x0d\x01\0\0\0\0"}, "train-labels-idx1-ubyte cannot be read: not an IDX file"),
        ({"train_labels_idx1": b""}, "train-labels-idx1-ubyte cannot be read"),
    ],
)
def test_a_dataset_that_is_not_as_its_entry_says_is_one_line(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    dataset = own_dataset(tmp_path, **changed)
    for function in (datasets.prepare, datasets.load):
        with pytest.raises(UserError, match=message) as error:
            function(dataset, tmp_path)
        assert str(error.value).startswith("dataset own is not as its entry in bench/data/registry.py says: ")


def test_a_file_that_the_entry_lacks_is_named(tmp_path: Path) -> None:
    dataset = own_dataset(tmp_path)
    del dataset.sha256["t10k-labels-idx1-ubyte"]
    with pytest.raises(UserError, match="t10k-labels-idx1-ubyte is missing there"):
        datasets.prepare(dataset, tmp_path)


def test_a_dataset_that_fits_its_entry_is_loaded(tmp_path: Path) -> None:
    train, test = datasets.load(own_dataset(tmp_path, train_size=15), tmp_path)
    assert (train.images.shape, test.labels.tolist()) == ((20, 28, 28), list(range(10)))


def test_without_a_home_the_line_says_how_to_name_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake_nobody(user: int) -> None:
        raise KeyError(user)

    monkeypatch.setattr("pwd.getpwuid", fake_nobody)
    for name in ("HOME", "XDG_CACHE_HOME", "MNIST_BENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"HOME is not set .* --data-dir or MNIST_BENCH_DATA"):
        files.default_data_dir()
    assert packed_array("mnist") is not None, "the package has a copy"
    monkeypatch.setenv("MNIST_BENCH_DATA", str(tmp_path))
    assert files.default_data_dir() == tmp_path
