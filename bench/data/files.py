"""Find and verify a dataset's files on this machine, without torch."""

import contextlib
import gzip
import hashlib
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from bench.common.errors import UserError
from bench.common.package import PACKAGE
from bench.common.untrusted import MAX_BYTES
from bench.data.registry import DatasetFiles

ASSETS = PACKAGE / "data" / "assets"
GZIP = b"\x1f\x8b"
SYSTEM = Path("/usr/share/datasets")
"""Where Debian's packages of datasets put their files, one folder each."""


@dataclass(frozen=True)
class LocalCopy:
    """Unpacked content of a file, None where this machine has no right copy; ``damaged`` lists the wrong copies."""

    content: bytes | None
    damaged: tuple[Path, ...] = ()


def default_data_dir() -> Path:
    """Default folder of the data: ``MNIST_BENCH_DATA`` if set, else the user's cache folder.

    Raises:
        UserError: the user has no home folder, as where a container runs under a number that it does not know.
    """
    if named := os.environ.get("MNIST_BENCH_DATA"):
        return Path(named)
    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_cache_path("mnist-bench")
        if folder.is_absolute():  # older versions leave ~ as it is where there is no home folder
            return folder
    raise UserError(
        "no folder for the data: HOME is not set and this user has no home folder; "
        "name one with --data-dir or MNIST_BENCH_DATA"
    )


def problem_with(path: Path, expected_sha256: str) -> str | None:
    """Check a file by its hash: None where it is right, else ``missing`` or how it is damaged.

    Raises:
        OSError: it cannot be read.
    """
    if not path.exists():
        return "missing"
    with path.open("rb") as file:
        actual_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if actual_sha256 == expected_sha256:
        return None
    return f"damaged (SHA-256 {actual_sha256[:12]}… instead of {expected_sha256[:12]}…)"


def right_copy(dataset: DatasetFiles, file: str, data_dir: Path | None) -> LocalCopy:
    """Find the first right copy of a file: packed in the data folder, in the package, or in Debian's folder."""
    damaged: list[Path] = []
    for path in _copies(dataset, file, data_dir):
        content = right_content(path, dataset.sha256[file])
        if content is not None:
            return LocalCopy(content, tuple(damaged))
        if path.exists():
            damaged.append(path)
    return LocalCopy(None, tuple(damaged))


def right_content(path: Path, expected_sha256: str) -> bytes | None:
    """Read a file, unpacked if it is packed; None where its hash is wrong or there is no such file."""
    try:
        content = path.read_bytes()
        if content[:2] == GZIP:  # rather than by its name, as some servers unpack on the way
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES)
    except (OSError, EOFError, zlib.error):
        return None
    return content if hashlib.sha256(content).hexdigest() == expected_sha256 else None


def _copies(dataset: DatasetFiles, file: str, data_dir: Path | None) -> list[Path]:
    folders = [ASSETS / dataset.name, SYSTEM / dataset.name]
    if data_dir is not None:
        folders.insert(0, data_dir / dataset.folder)
    return [*(folder / f"{file}.gz" for folder in folders), SYSTEM / dataset.name / file]
