"""A dataset's files on this machine: which of them are right, and where a right copy lies. Needs no torch."""

import gzip
import hashlib
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from bench.common.package import PACKAGE
from bench.common.untrusted import MAX_BYTES
from bench.data.registry import DatasetFiles

ASSETS = PACKAGE / "data" / "assets"
GZIP = b"\x1f\x8b"
SYSTEM = Path("/usr/share/datasets")
"""Where Debian's packages of datasets put their files, one folder each."""


@dataclass(frozen=True)
class Copy:
    """The unpacked content of a file, None where this machine has no right copy; ``damaged`` are the wrong ones."""

    content: bytes | None
    damaged: tuple[Path, ...] = ()


def default_data_dir() -> Path:
    """``MNIST_BENCH_DATA`` if set, else the user's cache folder."""
    return Path(os.environ.get("MNIST_BENCH_DATA") or platformdirs.user_cache_path("mnist-bench"))


def problem_with(path: Path, expected_sha256: str) -> str | None:
    """None, ``missing``, or how it is damaged.

    Raises:
        OSError: it cannot be read.
    """
    if not path.exists():
        return "missing"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == expected_sha256:
        return None
    return f"damaged (SHA-256 {found[:12]}… instead of {expected_sha256[:12]}…)"


def right_copy(dataset: DatasetFiles, file: str, data_dir: Path) -> Copy:
    """The first that is right: packed in its place in the data folder, inside the package, in Debian's folder."""
    damaged: list[Path] = []
    for path in _copies(dataset, file, data_dir):
        content = right_content(path, dataset.sha256[file])
        if content is not None:
            return Copy(content, tuple(damaged))
        if path.exists():
            damaged.append(path)
    return Copy(None, tuple(damaged))


def right_content(path: Path, expected_sha256: str) -> bytes | None:
    """What the file holds, unpacked if it is packed; None where that is wrong, or there is no such file."""
    try:
        content = path.read_bytes()
        if content[:2] == GZIP:  # rather than by its name, as some servers unpack on the way
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES)
    except (OSError, EOFError, zlib.error):
        return None
    return content if hashlib.sha256(content).hexdigest() == expected_sha256 else None


def _copies(dataset: DatasetFiles, file: str, data_dir: Path) -> list[Path]:
    folders = (data_dir / dataset.folder, ASSETS / dataset.name, SYSTEM / dataset.name)
    return [*(folder / f"{file}.gz" for folder in folders), SYSTEM / dataset.name / file]
