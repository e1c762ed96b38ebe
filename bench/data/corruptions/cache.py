"""Corrupted test sets on disk, beside the data: drawn once, checked by SHA-256 each time, shared by all models."""

import contextlib
import hashlib
import io
from pathlib import Path

import numpy as np

from bench.common.atomic import write_atomically
from bench.common.fingerprint import fingerprint, matching_files
from bench.data.corruptions.mnist_c import corrupt
from bench.records.fields import digest

FOLDER = "corrupted"


def corrupted(images: np.ndarray, name: str, seed: int, data_dir: Path) -> np.ndarray:
    """Corrupt images as :func:`bench.data.corruptions.mnist_c.corrupt`, from the cache where it is there and whole.

    A cache that cannot be written costs time and nothing else.
    """
    path = data_dir / FOLDER / _version(images, seed) / f"{name}.npy"
    stored = _read(path, images.shape)
    if stored is not None:
        return stored
    drawn = corrupt(images, name, seed)
    with contextlib.suppress(OSError):
        _write(path, drawn)
    return drawn


def _version(images: np.ndarray, seed: int) -> str:
    """Version of the corrupted images: a digest of the originals, the seed, this package's code and NumPy's version."""
    return digest(
        {
            "images": hashlib.sha256(images.tobytes()).hexdigest(),
            "source": fingerprint(matching_files(Path(__file__).parent, ["*.py"])),
            "seed": seed,
            "numpy": np.__version__,
        }
    )


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text()
        if hashlib.sha256(content).hexdigest() != expected:
            return None
        stored = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError):
        return None
    return stored if stored.shape == shape and stored.dtype == np.uint8 else None


def _write(path: Path, drawn: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, drawn, allow_pickle=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
    write_atomically(path.with_suffix(".sha256"), hashlib.sha256(buffer.getvalue()).hexdigest())
