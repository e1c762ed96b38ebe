"""The files inside the package, read without torch: for pictures in reports, and for other frameworks."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from bench import idx

ASSETS = Path(__file__).parent / "assets"


def packed_array(dataset: str, file: str = "t10k-images-idx3-ubyte") -> np.ndarray | None:
    """uint8, images ``(N, 28, 28)`` or labels ``(N,)``; None where the file is not in the package or is damaged."""
    try:
        return idx.parse(gzip.decompress((ASSETS / dataset / f"{file}.gz").read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return None
