"""The same model trained again, from the same seed by the same recipe, on other examples."""

import itertools
import math

import torch
from torch import nn

from bench.pipeline import epoch_order, to_device
from bench.probes.trained import Examples, Trained
from bench.steps import choose_method
from bench.train import batches_of_each_size, seed_streams
from bench.trials import initial_model


def steps_of(trained: Trained) -> int:
    """Optimizer steps the recipe takes on the examples a probe may train on."""
    return trained.recipe.epochs * math.ceil(len(trained.train) / trained.recipe.batch_size)


def trained_again(trained: Trained, examples: Examples, steps: int) -> nn.Module:
    """A new model after ``steps`` optimizer steps on ``examples``, shuffled anew at each pass.

    Initial weights and order come from the trial's seed as in :func:`bench.train.train`: on the same examples and
    for the same steps the result is the same model. Batches are no larger than there are examples.
    """
    streams = seed_streams(trained.trial.seed)
    model = initial_model(trained.trial.model, trained.num_classes, trained.trial.seed, trained.device)
    order = torch.Generator().manual_seed(streams.order)
    data = to_device(torch.from_numpy(examples.images), torch.from_numpy(examples.labels), trained.device)
    method = choose_method(model, trained.recipe, batches_of_each_size(data, trained.recipe.batch_size))
    torch.manual_seed(streams.weights)  # as in training: dropout draws from it
    step = method.step(model.train(), trained.recipe)
    batches = itertools.chain.from_iterable(
        data.reordered(epoch_order(len(data), order).to(trained.device)).batches(trained.recipe.batch_size)
        for _ in itertools.count()
    )
    for images, labels in itertools.islice(batches, steps):
        step(images, labels)
    return model
