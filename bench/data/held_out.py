"""Training images that are held out of training, to choose by; the same ones each time."""

import numpy as np
import torch

from bench.data.datasets import Split


def hold_out(split: Split, count: int) -> tuple[Split, Split]:
    """Divide a split in two: what stays, in its order, and ``count`` images in which each label has its share.

    Where the shares are no whole numbers, the labels with the largest remainders get one more.
    """
    labels = split.labels.numpy()
    names, sizes = np.unique(labels, return_counts=True)
    shares = count * sizes / len(labels)
    taken = np.floor(shares).astype(int)
    taken[np.argsort(taken - shares, kind="stable")[: count - taken.sum()]] += 1
    random = np.random.default_rng(0)
    chosen = np.zeros(len(labels), dtype=bool)
    for name, number in zip(names, taken, strict=True):
        chosen[random.permutation(np.flatnonzero(labels == name))[:number]] = True
    held = torch.from_numpy(chosen)
    return Split(split.images[~held], split.labels[~held]), Split(split.images[held], split.labels[held])
