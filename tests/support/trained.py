"""A model with its initial weights, as a probe meets a trained one."""

from pathlib import Path

import torch

from bench.data import datasets
from bench.probes.trained_model import Examples, TrainedModel
from bench.training.model.initial import initial_model
from bench.training.trial import recipe_of
from tests.support.factories import make_trial

Mnist = tuple[datasets.Split, datasets.Split]


def make_trained(
    mnist: Mnist, folder: Path, model: str, train: int = 400, test: int = 300, epochs: int = 1
) -> TrainedModel:
    """On the first ``train`` and ``test`` images; it was trained on as many, says its trial."""
    trial = make_trial(model=model, epochs=epochs, train_size=train)
    examples = [Examples(split.images.numpy(), split.labels.numpy()) for split in mnist]
    return TrainedModel(
        model=initial_model(model, 10, trial.seed, torch.device("cpu")),
        trial=trial,
        recipe=recipe_of(trial),
        num_classes=10,
        device=torch.device("cpu"),
        train=examples[0].first(train),
        test=examples[1].first(test),
        data_dir=folder,
    )
