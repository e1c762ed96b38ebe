"""Shuffle square blocks of images, by the same permutation in every image."""

import numpy as np

from bench.common.errors import UserError
from bench.probes.retrain import retrain_model, training_steps
from bench.probes.trained_model import Examples, TrainedModel

SEED = 0


def block_order(block: int, side: int = 28) -> np.ndarray:
    """The fixed permutation of the ``(side / block)**2`` blocks; single pixels are blocks of one."""
    return np.random.default_rng(SEED).permutation((side // block) ** 2)


def shuffle_pixels(images: np.ndarray, block: int) -> np.ndarray:
    """Shuffle blocks of ``block`` x ``block`` pixels in ``images`` of shape ``(N, H, W)``, their contents kept."""
    count, side = len(images), images.shape[1]
    cells = side // block
    order = block_order(block, side)
    blocks = images.reshape(count, cells, block, cells, block).swapaxes(2, 3).reshape(count, -1, block, block)
    moved = blocks[:, order].reshape(count, cells, cells, block, block).swapaxes(2, 3)
    return np.ascontiguousarray(moved.reshape(images.shape))


def correct_ordered(trained: TrainedModel) -> np.ndarray:
    """Find the test images the model gets right when trained on the images as they are: bool of shape ``(N,)``."""
    if trained.trained_on_all:
        return trained.right(trained.test.images)
    return trained.right(trained.test.images, retrain_model(trained, trained.train, training_steps(trained)))


def correct_shuffled(trained: TrainedModel, block: int) -> np.ndarray:
    """Find the test images the model gets right when training and test images are shuffled alike.

    Raises:
        UserError: the recipe changes images as it trains; it would change the shuffled ones, in which a shift is none.
    """
    if trained.recipe.augmentation:
        raise UserError("its recipe shifts or turns the images as it trains, which means nothing in shuffled ones")
    examples = Examples(shuffle_pixels(trained.train.images, block), trained.train.labels)
    model = retrain_model(trained, examples, training_steps(trained))
    return trained.right(shuffle_pixels(trained.test.images, block), model)
