"""Training images held out: a fixed share of each label, and the rest in its order."""

import numpy as np
import torch

from bench.data import datasets
from bench.data.held_out import hold_out


def test_each_label_has_its_share_and_nothing_is_lost(mnist: tuple[datasets.Split, datasets.Split]) -> None:
    whole = mnist[0]
    kept, held = hold_out(whole, 5_000)
    assert (len(kept.labels), len(held.labels)) == (55_000, 5_000)
    shares = 5_000 * np.bincount(whole.labels) / 60_000
    assert (np.abs(np.bincount(held.labels) - shares) < 1).all()
    again = hold_out(whole, 5_000)[1]
    assert torch.equal(held.images, again.images)
    rows = {image.numpy().tobytes() for image in whole.images}
    parts = [{image.numpy().tobytes() for image in part.images} for part in (kept, held)]
    assert parts[0] | parts[1] == rows


def test_shares_that_are_no_whole_numbers_add_up() -> None:
    labels = torch.tensor([0] * 7 + [1] * 5 + [2] * 3)
    split = datasets.Split(torch.arange(15, dtype=torch.uint8)[:, None, None].expand(15, 28, 28), labels)
    for count in range(1, 15):
        kept, held = hold_out(split, count)
        assert (len(kept.labels), len(held.labels)) == (15 - count, count)
        assert sorted(kept.images[:, 0, 0].tolist()) == kept.images[:, 0, 0].tolist()
