"""Train the same model again, from the same seed by the same recipe, on other examples."""

import torch
from torch import nn

from bench.probes.trained_model import Examples, TrainedModel
from bench.training.epoch_loop import prepare_epochs
from bench.training.model.initial import ModelBuilder
from bench.training.model.seeds import seed_generators, seed_streams
from bench.training.pipeline import epoch_order, to_device


def training_steps(trained: TrainedModel) -> int:
    """Count the optimizer steps that the recipe takes on the examples a probe may train on."""
    return trained.recipe.total_steps(len(trained.train))


def retrain_model(trained: TrainedModel, examples: Examples, steps: int) -> nn.Module:
    """Train a new model for ``steps`` optimizer steps on ``examples``, shuffled anew at each pass.

    Initial weights and order come from the trial's seed as in :func:`bench.training.train.train`: on the same examples
    and for the same steps the result is the same model. Batches are no larger than there are examples.
    """
    build = ModelBuilder(trained.trial.model, trained.num_classes, trained.trial.seed, trained.device)
    model = build()
    order = torch.Generator().manual_seed(seed_streams(trained.trial.seed).order)
    data = to_device(torch.from_numpy(examples.images), torch.from_numpy(examples.labels), trained.device)
    prepared = prepare_epochs(model, trained.recipe, data, build, trained.trial.seed, steps)
    seed_generators(trained.trial.seed)  # as in training: dropout draws from them
    per_epoch = trained.recipe.steps_per_epoch(len(data))
    for done in range(0, steps, per_epoch):
        prepared.run(epoch_order(len(data), order), steps - done)
    if prepared.step.average:
        prepared.step.average.apply()
    return model
