"""The images inside the package, read without torch: for pictures in reports."""

import gzip
from pathlib import Path

import numpy as np

from bench import idx

ASSETS = Path(__file__).parent / "assets"


def packed_images(dataset: str, file: str = "t10k-images-idx3-ubyte") -> np.ndarray | None:
    """uint8 of shape ``(N, 28, 28)``; None where the data set is not in the package or its file is damaged."""
    try:
        return idx.parse(gzip.decompress((ASSETS / dataset / f"{file}.gz").read_bytes()))
    except (OSError, EOFError, ValueError):
        return None
