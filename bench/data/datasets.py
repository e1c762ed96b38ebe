"""Load datasets as uint8 tensors from verified files on disk.

MNIST itself ships inside the package (``assets/mnist``), so the first run needs no network; the other datasets
are listed in :mod:`bench.data.registry`. The files are unpacked once into torchvision's folder layout; every file is
checked by SHA-256 at each load and unpacked again when it does not match.
"""

import mmap
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of, say
from bench.data import idx
from bench.data.files import ASSETS, default_data_dir, problem_with, right_copy
from bench.data.registry import DATASETS, DatasetFiles, find_dataset

__all__ = [
    "DATASETS", "DatasetFiles", "Split", "default_data_dir", "find_dataset", "load", "load_training", "prepare",
    "prepare_training",
]  # fmt: skip

IMAGE_SHAPE = (28, 28)


@dataclass(frozen=True)
class Split:
    """Training or test split: ``images`` uint8 of shape ``(N, 28, 28)``; ``labels`` int64 of shape ``(N,)``."""

    images: torch.Tensor
    labels: torch.Tensor


def prepare(dataset: DatasetFiles, data_dir: Path) -> None:
    """Make every file of ``dataset`` present under ``data_dir``, and check that they are what its entry says.

    Raises:
        UserError: see :func:`obtain`; or the files do not fit each other or the entry in the registry.
    """
    obtain(dataset, data_dir)
    _check_content(dataset, data_dir / dataset.folder)


def obtain(dataset: DatasetFiles, data_dir: Path) -> None:
    """Make every file of ``dataset`` present and correct, by its SHA-256, under ``data_dir``.

    A file that is missing or wrong is taken from the first right copy that is found: packed (``.gz``) in its place, in
    the package, in the folder of Debian's package; else it is downloaded. One that is there but wrong is named on
    standard error. Several processes may call this at once: one of them unpacks, the others wait.

    Raises:
        UserError: the folder cannot be written, the packed file is itself damaged, or there is no way to get one.
    """
    raw = data_dir / dataset.folder
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with FileLock(raw / ".lock"):
            missing = [file for file in dataset.sha256 if not _repair(dataset, file, data_dir)]
            if missing:
                _fetch(dataset, raw, missing)
    except OSError as error:
        raise UserError(
            f"cannot unpack {dataset.name} into {raw}: {cause_of(error)}; "
            "name a writable folder with --data-dir or MNIST_BENCH_DATA"
        ) from error


def prepare_training(dataset: DatasetFiles, data_dir: Path) -> None:
    """Do the same for the training split alone; the files of the test split are not opened.

    Raises:
        UserError: see :func:`prepare`.
    """
    obtain(_training_files(dataset), data_dir)
    _check_content(dataset, data_dir / dataset.folder, ("train",))


def load_training(dataset: DatasetFiles, data_dir: Path) -> Split:
    """Load the training split, verified, as stored; the files of the test split are not opened.

    Raises:
        UserError: see :func:`prepare`.
    """
    prepare_training(dataset, data_dir)
    return _split(data_dir / dataset.folder, "train")


def load(dataset: DatasetFiles, data_dir: Path) -> tuple[Split, Split]:
    """Load the training and the test split, verified, as stored: uint8 images on the CPU.

    Raises:
        UserError: see :func:`prepare`.
    """
    prepare(dataset, data_dir)
    return _split(data_dir / dataset.folder, "train"), _split(data_dir / dataset.folder, "t10k")


def _split(folder: Path, name: str) -> Split:
    images, labels = (torch.from_numpy(idx.parse(path.read_bytes()).copy()) for path in _files(folder, name))
    return Split(images, labels.long())


def _files(folder: Path, name: str) -> list[Path]:
    return [folder / f"{name}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]


def _training_files(dataset: DatasetFiles) -> DatasetFiles:
    """The dataset as if it had no other files."""
    files = {path.name for path in _files(Path(), "train")}
    return replace(dataset, sha256={name: sha256 for name, sha256 in dataset.sha256.items() if name in files})


def _check_content(dataset: DatasetFiles, raw: Path, splits: Collection[str] = ("train", "t10k")) -> None:
    """Check what hashes cannot tell: that the files fit each other, and the dataset's entry in the registry.

    Raises:
        UserError: they do not; training would fail at the first such label, or go on with fewer images.
    """
    for name in splits:
        least = dataset.train_size if name == "train" else 1
        (images_file, labels_file), last = _files(raw, name), dataset.num_classes - 1
        images, labels = _mapped(dataset, images_file), _mapped(dataset, labels_file)
        if labels.ndim != 1 or images.shape != (len(labels), *IMAGE_SHAPE):
            shapes = f"{images.shape} beside {labels.shape} in {labels_file.name}"
            raise _misfit(dataset, images_file, f"holds {shapes}: they must be (N, 28, 28) and (N,)")
        if len(labels) < least:
            raise _misfit(dataset, images_file, f"holds {len(labels):,} images: train_size is {least:,}")
        if labels.max() > last:
            seen = f"holds labels from {labels.min()} to {labels.max()}"
            raise _misfit(dataset, labels_file, f"{seen}: {last + 1} classes are labelled from 0 to {last}")


def _mapped(dataset: DatasetFiles, path: Path) -> np.ndarray:
    """Map a file of the dataset into memory."""
    if path.name not in dataset.sha256:
        raise _misfit(dataset, path, "is missing there")
    try:
        with path.open("rb") as file:
            return idx.parse(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError as error:
        raise _misfit(dataset, path, f"cannot be read: {error}") from error


def _misfit(dataset: DatasetFiles, path: Path, reason: str) -> UserError:
    return UserError(f"dataset {dataset.name} is not as its entry in bench/data/registry.py says: {path.name} {reason}")


def _repair(dataset: DatasetFiles, file: str, data_dir: Path) -> bool:
    """Restore a missing or damaged file from a copy; tell whether it is right now."""
    path = data_dir / dataset.folder / file
    problem = problem_with(path, dataset.sha256[file])
    if problem is None:
        return True
    copy = right_copy(dataset, file, data_dir)
    if problem != "missing":
        say(f"{dataset.name}: {file} is {problem}{'; unpacked again' if copy.content else ''}")
    for damaged in copy.damaged:
        if damaged.parent != ASSETS / dataset.name:  # which is the error's own line, if nothing else is found
            say(f"{dataset.name}: {damaged} is damaged; passed over")
    if copy.content is None:
        return False
    write_atomically(path, copy.content)
    return True


def _fetch(dataset: DatasetFiles, raw: Path, files: list[str]) -> None:
    """Download the files of which this machine has no right copy."""
    if dataset.built_in:
        raise UserError(f"the built-in file {files[0]}.gz is damaged; install mnist-bench again")
    package = f", or install Debian's package {dataset.debian_package}" if dataset.debian_package else ""
    wanted = f"put {', '.join(f'{file}.gz' for file in files)} into {raw}{package}"
    if not dataset.mirrors:
        raise UserError(f"{dataset.name} is not on this machine: {wanted}")
    from bench.data.download import DownloadError, download

    try:
        download(dataset, raw, files)
    except DownloadError as reason:
        raise UserError(
            f"{dataset.name} is not on this machine and cannot be downloaded ({reason}): {wanted}"
        ) from reason
