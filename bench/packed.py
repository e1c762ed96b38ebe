"""The images inside the package, read without torch: for pictures in reports."""

import gzip
from pathlib import Path

import numpy as np

ASSETS = Path(__file__).parent / "assets"
HEADER = 16  # bytes before the pixels of an IDX file of images


def packed_images(dataset: str, file: str = "t10k-images-idx3-ubyte") -> np.ndarray | None:
    """uint8 of shape ``(N, 28, 28)``; None where the data set is not in the package or its file is damaged."""
    try:
        content = gzip.decompress((ASSETS / dataset / f"{file}.gz").read_bytes())
        return np.frombuffer(content, dtype=np.uint8, offset=HEADER).reshape(-1, 28, 28)
    except (OSError, EOFError, ValueError):
        return None
