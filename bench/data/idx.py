"""Parser of MNIST's IDX format: two zero bytes, a code for the type, the number of axes, their lengths, the values.

Source: the description on MNIST's own page. Importing torchvision only to read it took 1.5 s of every process.
"""

import mmap

import numpy as np

UNSIGNED_BYTE = 8


def parse(content: bytes | mmap.mmap) -> np.ndarray:
    """Parse an unpacked file of unsigned bytes: a uint8 array, read-only, of the shape that the file names.

    ``content`` may be mapped into memory; only what is looked at is read then.

    Raises:
        ValueError: it is no such file, or its size is not what its shape says.
    """
    if len(content) < 4 or content[:3] != bytes((0, 0, UNSIGNED_BYTE)):
        raise ValueError("not an IDX file of unsigned bytes")
    axes = content[3]
    shape = np.frombuffer(content, dtype=">u4", offset=4, count=axes).astype(int)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)
