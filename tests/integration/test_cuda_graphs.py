"""Whole trainings, replayed and eager."""

import numpy as np
import pytest
import scipy.stats
import torch

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.training.model.initial import ModelBuilder
from bench.training.pipeline import to_device
from bench.training.timing import Clocks
from bench.training.train import train
from models import list_models

GPU = torch.device("cuda")
Mnist = tuple[datasets.Split, datasets.Split]


@pytest.mark.slow
@pytest.mark.gpu
@pytest.mark.parametrize("name", list_models())
def test_ten_seeds_are_as_accurate_replayed_as_eager(name: str, mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paired t test over seeds; seeds and order are the same on both sides."""
    recipe = ARTICLE.changed(epochs=2)
    sides = []
    for mode in ("cuda_graph", "eager"):
        if mode == "eager":
            monkeypatch.setattr("bench.training.epoch_loop.record_epochs", None)  # not to be called: stepped eagerly
        accuracies = []
        for seed in range(10):
            data = [to_device(split.images, split.labels, GPU) for split in mnist]
            build = ModelBuilder(name, 10, seed, GPU)
            history = train(build(), recipe, data[0], data[1], seed, Clocks(GPU), build)
            assert history.execution.mode == mode
            accuracies.append(history.final.accuracy)
        sides.append(np.array(accuracies))
    differences = sides[0] - sides[1]
    assert abs(differences.mean()) < 0.002
    assert not differences.any() or scipy.stats.ttest_1samp(differences, 0).pvalue > 0.001
