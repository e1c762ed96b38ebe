"""MNIST's training images for frameworks that are not torch."""

import numpy as np

from bench.data.numpy_loader import packed_array
from bench.data.registry import MNIST


def training_set() -> tuple[np.ndarray, np.ndarray]:
    """Read the images, uint8 ``(60000, 28, 28)``, and the labels, int32 ``(60000,)``.

    Raises:
        FileNotFoundError: the package's files are damaged.
    """
    images = packed_array(MNIST.name, "train-images-idx3-ubyte")
    labels = packed_array(MNIST.name, "train-labels-idx1-ubyte")
    if images is None or labels is None:
        raise FileNotFoundError("the built-in MNIST is damaged; install mnist-bench again")
    return images, labels.astype(np.int32)


def normalised(images: np.ndarray) -> np.ndarray:
    """Convert images to float32 in [-1, 1], as the article's recipe does."""
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)
