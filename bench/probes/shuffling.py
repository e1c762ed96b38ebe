"""Images cut into square blocks whose places are exchanged, by the same permutation in every image."""

import numpy as np

from bench.probes.retrain import steps_of, trained_again
from bench.probes.trained_model import Examples, Trained

SEED = 0


def block_order(block: int, side: int = 28) -> np.ndarray:
    """The fixed permutation of the ``(side / block)**2`` blocks; single pixels are blocks of one."""
    return np.random.default_rng(SEED).permutation((side // block) ** 2)


def scrambled(images: np.ndarray, block: int) -> np.ndarray:
    """``images`` of shape ``(N, H, W)`` with blocks of ``block`` x ``block`` pixels moved, their contents kept."""
    count, side = len(images), images.shape[1]
    cells = side // block
    order = block_order(block, side)
    blocks = images.reshape(count, cells, block, cells, block).swapaxes(2, 3).reshape(count, -1, block, block)
    moved = blocks[:, order].reshape(count, cells, cells, block, block).swapaxes(2, 3)
    return np.ascontiguousarray(moved.reshape(images.shape))


def right_in_order(trained: Trained) -> np.ndarray:
    """Which test images the model gets right when trained on the images as they are: bool of shape ``(N,)``."""
    if trained.saw_all:
        return trained.right(trained.test.images)
    return trained.right(trained.test.images, trained_again(trained, trained.train, steps_of(trained)))


def right_scrambled(trained: Trained, block: int) -> np.ndarray:
    """The same when training and test images are scrambled alike."""
    examples = Examples(scrambled(trained.train.images, block), trained.train.labels)
    model = trained_again(trained, examples, steps_of(trained))
    return trained.right(scrambled(trained.test.images, block), model)
