"""What no folder of this machine has, from servers of this machine: all that may go wrong with a mirror."""

import dataclasses
import gzip
import hashlib
import socket
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torchvision

from bench.common.errors import UserError
from bench.data import datasets, download
from bench.data import files as dataset_files
from bench.data.registry import DatasetFiles
from tests.support.fashion import FASHION, Quiet, as_published, needs_debians_files, served


@pytest.fixture
def no_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dataset_files, "SYSTEM", tmp_path / "no-such")


def fashion_at(*mirrors: str) -> DatasetFiles:
    return dataclasses.replace(FASHION, mirrors=mirrors)


def test_fashion_mnist_comes_from_where_torchvision_gets_it() -> None:
    theirs = torchvision.datasets.FashionMNIST
    assert FASHION.mirrors == tuple(theirs.mirrors)
    assert [f"{file}.gz" for file in FASHION.sha256] == [name for name, _ in theirs.resources]


@needs_debians_files
@pytest.mark.slow
def test_what_is_missing_is_downloaded_checked_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    published = tmp_path / "published"
    published.mkdir()
    for file in FASHION.sha256:
        (published / f"{file}.gz").write_bytes(as_published(file))
    monkeypatch.setattr(dataset_files, "SYSTEM", tmp_path / "no-such")
    with served(published) as address:
        datasets.obtain(fashion_at(unused_address(), address), tmp_path / "data")
    raw = tmp_path / "data" / FASHION.folder
    assert sorted(path.name for path in raw.iterdir()) == sorted([".lock", *FASHION.sha256])
    shown = capfd.readouterr()
    assert "100%" in shown.err.replace(".0%", "%")
    assert shown.out == ""


@pytest.mark.parametrize("served_content", [None, b"not the file"])
def test_without_any_source_one_line_says_which_file_to_put_where(
    tmp_path: Path, no_debian: None, served_content: bytes | None
) -> None:
    website = tmp_path / "website"
    website.mkdir()
    for file in FASHION.sha256 if served_content else ():
        (website / f"{file}.gz").write_bytes(served_content or b"")
    with served(website) as address, pytest.raises(UserError) as raised:
        datasets.obtain(fashion_at(address), tmp_path / "data")
    raw = tmp_path / "data" / FASHION.folder
    message = str(raised.value)
    assert "\n" not in message
    assert "cannot be downloaded" in message
    assert f"train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into {raw}" in message
    assert "dataset-fashion-mnist" in message
    assert [path.name for path in raw.iterdir()] == [".lock"]


def test_a_dataset_that_nothing_downloads_is_asked_for_by_its_files(tmp_path: Path, no_debian: None) -> None:
    ours = dataclasses.replace(FASHION, name="ours", folder="Ours/raw", mirrors=(), debian_package="")
    with pytest.raises(UserError) as raised:
        datasets.obtain(ours, tmp_path)
    files = ", ".join(f"{file}.gz" for file in ours.sha256)
    assert str(raised.value) == f"ours is not on this machine: put {files} into {tmp_path / 'Ours' / 'raw'}"


def test_a_server_that_never_answers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_debian: None
) -> None:
    monkeypatch.setattr(download, "ANSWER_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(UserError, match=r"no answer within 0\.1 s|timed out"):
            datasets.obtain(fashion_at(address), tmp_path)


def test_a_name_that_is_looked_up_for_long_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_debian: None
) -> None:
    over = threading.Event()

    def look_up(*_: object, **__: object) -> None:
        over.wait(60)
        raise OSError

    monkeypatch.setattr(download, "ANSWER_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        with pytest.raises(UserError, match=r"no answer within 0\.1 s"):
            datasets.obtain(fashion_at("http://mirror.invalid/"), tmp_path)
    finally:
        over.set()


@pytest.fixture
def small(tmp_path: Path) -> tuple[DatasetFiles, Path]:
    """A dataset of one small file, and a website that has it."""
    content, website = b"\0\0\x08\x01\0\0\0\x01?" * 1000, tmp_path / "website"
    website.mkdir()
    (website / "small.gz").write_bytes(gzip.compress(content))
    sha256 = {"small": hashlib.sha256(content).hexdigest()}
    return dataclasses.replace(FASHION, name="small", folder="Small/raw", sha256=sha256, debian_package=""), website


@pytest.mark.parametrize("first", ["refuses", "has none", "has another", "has half of it", "has no mirror's name"])
def test_the_next_mirror_is_asked(small: tuple[DatasetFiles, Path], tmp_path: Path, first: str) -> None:
    dataset, website = small
    other, raw = tmp_path / "other", tmp_path / dataset.folder
    other.mkdir()
    if first == "has another":
        (other / "small.gz").write_bytes(gzip.compress(b"another"))
    if first == "has half of it":
        (other / "small.gz").write_bytes((website / "small.gz").read_bytes()[:-20])
    (raw / f"{download.UNFINISHED}killed").mkdir(parents=True)
    with served(other) as wrong, served(website) as right:
        at = {"refuses": unused_address(), "has no mirror's name": "http://"}.get(first, wrong)
        datasets.obtain(dataclasses.replace(dataset, mirrors=(at, right)), tmp_path)
    assert sorted(path.name for path in raw.iterdir()) == [".lock", "small"]
    assert dataset_files.problem_with(raw / "small", dataset.sha256["small"]) is None


def test_a_server_that_unpacks_on_the_way_will_do(small: tuple[DatasetFiles, Path], tmp_path: Path) -> None:
    class Unpacking(Quiet):
        def end_headers(self) -> None:
            self.send_header("Content-Encoding", "gzip")
            super().end_headers()

    dataset, website = small
    with served(website, Unpacking) as address:
        datasets.obtain(dataclasses.replace(dataset, mirrors=(address,)), tmp_path)


def test_a_download_that_stalls_is_given_up(
    small: tuple[DatasetFiles, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    class Stalling(Quiet):
        def copyfile(self, source: Any, outputfile: Any) -> None:
            outputfile.write(source.read(10))
            given_up.wait(60)

    dataset, website = small
    monkeypatch.setattr(download, "STALLED_S", 0.2)
    with served(website, Stalling) as address:
        try:
            with pytest.raises(UserError, match="timed out"):
                datasets.obtain(dataclasses.replace(dataset, mirrors=(address,)), tmp_path)
        finally:
            given_up.set()
    assert [path.name for path in (tmp_path / dataset.folder).iterdir()] == [".lock"]


def test_a_small_download_does_not_fill_the_memory(small: tuple[DatasetFiles, Path], tmp_path: Path) -> None:
    dataset, website = small
    (website / "small.gz").write_bytes(gzip.compress(bytes(2**28), 1))
    tracemalloc.start()
    with served(website) as address, pytest.raises(UserError, match=r"small\.gz is damaged"):
        datasets.obtain(dataclasses.replace(dataset, mirrors=(address,)), tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**28


def unused_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"
