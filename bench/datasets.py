"""Verified files on disk -> uint8 tensors.

MNIST itself ships inside the package (``assets/mnist``), so the first run needs no network. The files are
unpacked once into torchvision's folder layout; every file is checked by SHA-256 at each load and unpacked again
when it does not match.
"""

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock

from bench import idx
from bench.atomic import write_atomically
from bench.errors import UserError, say, unknown_name

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class DatasetFiles:
    """Where a dataset's four files are, what they must hash to, and what its labels mean."""

    name: str
    folder: str
    sha256: dict[str, str]
    label_names: tuple[str, ...]
    train_size: int

    @property
    def num_classes(self) -> int:
        return len(self.label_names)


@dataclass(frozen=True)
class Split:
    """``images`` uint8 of shape ``(N, 28, 28)``; ``labels`` int64 of shape ``(N,)``."""

    images: torch.Tensor
    labels: torch.Tensor


DATASETS = {
    "mnist": DatasetFiles(
        name="mnist",
        folder="MNIST/raw",
        # Source: the gzip files of 1998, checked against the md5 sums in torchvision.datasets.MNIST.resources.
        sha256={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        label_names=tuple("0123456789"),
        train_size=60_000,
    )
}


def find_dataset(name: str) -> DatasetFiles:
    """The dataset of that name.

    Raises:
        UserError: there is none.
    """
    if name not in DATASETS:
        raise unknown_name("dataset", name, DATASETS)
    return DATASETS[name]


def default_data_dir() -> Path:
    """``MNIST_BENCH_DATA`` if set, else the user's cache folder."""
    return Path(os.environ.get("MNIST_BENCH_DATA") or platformdirs.user_cache_path("mnist-bench"))


def prepare(dataset: DatasetFiles, data_dir: Path) -> None:
    """Make every file of ``dataset`` present and correct under ``data_dir``.

    A file that is there but wrong is named on standard error and unpacked again. Several processes may call this
    at once: one of them unpacks, the others wait.

    Raises:
        UserError: the folder cannot be written, or the packed file is itself damaged.
    """
    raw = data_dir / dataset.folder
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with FileLock(raw / ".lock"):
            for file, expected in dataset.sha256.items():
                problem = _problem_with(raw / file, expected)
                if problem and problem != "missing":
                    say(f"{dataset.name}: {file} is {problem}; unpacked again")
                if problem:
                    _unpack(ASSETS / dataset.name / f"{file}.gz", raw / file, expected)
    except OSError as error:
        raise UserError(
            f"cannot unpack {dataset.name} into {raw}: {error.strerror or error}; "
            "name a writable folder with --data-dir or MNIST_BENCH_DATA"
        ) from error


def load(dataset: DatasetFiles, data_dir: Path) -> tuple[Split, Split]:
    """Training and test split, verified, as stored: uint8 images on the CPU.

    Raises:
        UserError: see :func:`prepare`.
    """
    prepare(dataset, data_dir)
    return _split(data_dir / dataset.folder, "train"), _split(data_dir / dataset.folder, "t10k")


def _split(folder: Path, name: str) -> Split:
    images, labels = (_tensor(folder / f"{name}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    return Split(images, labels.long())


def _tensor(path: Path) -> torch.Tensor:
    return torch.from_numpy(idx.parse(path.read_bytes()).copy())


def _problem_with(path: Path, expected_sha256: str) -> str | None:
    if not path.exists():
        return "missing"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == expected_sha256:
        return None
    return f"damaged (SHA-256 {found[:12]}… instead of {expected_sha256[:12]}…)"


def _unpack(packed: Path, target: Path, expected_sha256: str) -> None:
    try:
        content = gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"the built-in file {packed.name} is damaged ({error}); install mnist-bench again") from error
    if hashlib.sha256(content).hexdigest() != expected_sha256:
        raise UserError(f"the built-in file {packed.name} has the wrong SHA-256; install mnist-bench again")
    write_atomically(target, content)
