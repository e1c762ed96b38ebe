"""Training by recipes other than the article's, against plain loops of torch."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.data import datasets
from bench.recipes.optimizers import OPTIMIZERS
from bench.recipes.recipe import ARTICLE, Recipe
from bench.recipes.schedules import learning_rate_factors
from bench.training.epoch_loop import prepare_epochs, steps_of_epochs
from bench.training.model.initial import ModelBuilder
from bench.training.pipeline import DeviceData, epoch_order, normalise, to_device
from bench.training.timing import Clocks
from bench.training.train import train
from tests.support.networks import copies

CPU = torch.device("cpu")
SIZE = 700
RECIPES = {
    "one cycle of Adam, smoothed": {"schedule": "one_cycle", "warm_up": 0.3, "label_smoothing": 0.1},
    "AdamW": {
        "optimizer": "adamw",
        "optimizer_arguments": {"weight_decay": 0.05},
        "schedule": "linear",
        "warm_up": 0.2,
    },
    "AMSGrad": {"optimizer_arguments": {"amsgrad": True}},
    "Nesterov": {
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "optimizer_arguments": {"momentum": 0.9, "nesterov": True},
        "schedule": "cosine",
    },
    "Muon": {
        "optimizer": "muon",
        "learning_rate": 0.01,
        "others": {"optimizer": "adamw", "learning_rate": 0.001},
        "schedule": "linear",
    },
    "NAdam": {"optimizer": "nadam"},
    "RMSprop": {"optimizer": "rmsprop", "optimizer_arguments": {"momentum": 0.5}},
    "Adafactor": {"optimizer": "adafactor", "learning_rate": 0.01},
}


@pytest.fixture
def data(mnist: tuple[datasets.Split, datasets.Split]) -> DeviceData:
    return to_device(mnist[0].images[:SIZE], mnist[0].labels[:SIZE], CPU)


def plainly_trained(model: nn.Module, recipe: Recipe, data: DeviceData, order: torch.Tensor, steps: int) -> nn.Module:
    """Train with torch's own classes, step by step, with the rate set by hand."""
    model = copy.deepcopy(model).train()
    settings: Any = [(recipe, [p for p in model.parameters() if recipe.others is None or p.dim() == 2])]
    if recipe.others:
        settings.append((recipe.others, [p for p in model.parameters() if p.dim() != 2]))
    optimizers = []
    for chosen, own in settings:
        options = dict(chosen.optimizer_arguments)
        optimizers.append(OPTIMIZERS[chosen.optimizer](own, lr=chosen.learning_rate, **options))  # type: ignore[call-arg]
    factors = learning_rate_factors(recipe, steps)
    batches = torch.split(order, recipe.batch_size)
    for step, factor in enumerate(factors):
        batch = batches[step % len(batches)]
        logits = model(normalise(data.images[batch], recipe))
        loss = F.cross_entropy(logits, data.labels[batch], label_smoothing=recipe.label_smoothing)
        for optimizer, (chosen, _) in zip(optimizers, settings, strict=True):
            optimizer.zero_grad()
            optimizer.param_groups[0]["lr"] = chosen.learning_rate * factor
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
    return model


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_as_torch_would(name: str, data: DeviceData) -> None:
    recipe = ARTICLE.changed(epochs=2, **RECIPES[name])
    build = ModelBuilder("mlp", 10, 0, CPU)
    model, order = build(), epoch_order(SIZE, torch.Generator().manual_seed(1))
    prepared = prepare_epochs(model, recipe, data, build)
    assert prepared.execution.mode == "captured", prepared.execution.reason
    for _ in range(2):
        prepared.run(order)
    expected = plainly_trained(build(), recipe, data, order, recipe.total_steps(SIZE))
    tolerance = 1e-3 if name == "Muon" else 2e-5  # it computes in bfloat16
    for one, other in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=tolerance)


def test_captured_steps_are_eager_ones_to_the_bit_whatever_the_recipe(data: DeviceData) -> None:
    """The harness's own check at warm-up: it would have fallen back. Here over a whole training, with all options."""
    from bench.training.epoch_loop import StepByStep
    from bench.training.train_step import EagerStep

    recipe = ARTICLE.changed(
        epochs=2, schedule="one_cycle", warm_up=0.3, label_smoothing=0.1, weight_averaging=0.9, optimizer="adamw"
    )
    build = ModelBuilder("cnn", 10, 0, CPU)
    model, twin = build(), build().train()
    order = epoch_order(SIZE, torch.Generator().manual_seed(1))
    prepared = prepare_epochs(model, recipe, data, build)
    eager = EagerStep(twin, recipe, recipe.total_steps(SIZE))
    by_hand = StepByStep(eager, data, recipe.batch_size)
    for _ in range(2):
        prepared.run(order)
        by_hand(order)
    assert prepared.step.average
    assert eager.average
    for average in (None, prepared.step.average, eager.average):
        if average:
            average.apply()
        if average is not prepared.step.average:
            assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


def test_the_mean_of_the_weights_is_evaluated_and_is_the_result(data: DeviceData) -> None:
    recipe = ARTICLE.changed(epochs=3, weight_averaging=0.95)
    build = ModelBuilder("mlp", 10, 0, CPU)
    model = build()
    history = train(model, recipe, data, data, 0, Clocks(CPU), build)
    logits = model.eval()(normalise(data.images, recipe))
    torch.testing.assert_close(history.final.logits, logits, rtol=1e-4, atol=1e-4)
    plain = build()
    train(plain, recipe.changed(weight_averaging=0.0), data, data, 0, Clocks(CPU), build)
    assert not torch.equal(next(model.parameters()), next(plain.parameters()))


@pytest.mark.parametrize(
    ("epochs", "steps"), [(1, [6]), (2, [6, 6]), (1.5, [6, 3]), (0.5, [3]), (0.01, [1]), (2.99, [6, 6, 6])]
)
def test_the_last_epoch_may_be_a_part(epochs: float, steps: list[int], data: DeviceData) -> None:
    recipe = ARTICLE.changed(epochs=epochs)
    assert steps_of_epochs(recipe, SIZE) == steps
    build = ModelBuilder("softmax", 10, 0, CPU)
    history = train(build(), recipe, data, data, 0, Clocks(CPU), build)
    assert len(history.epochs) == len(steps)
    assert history.epochs[-1].train_loss == pytest.approx(history.epochs[-1].test_loss, rel=1)  # a mean, not a sum


def test_augmentation_is_drawn_from_the_seed_and_touches_no_image_that_is_kept(data: DeviceData) -> None:
    recipe = ARTICLE.changed(epochs=1, augmentation={"shift": 2})
    before = data.images.clone()
    build = ModelBuilder("softmax", 10, 0, CPU)
    first, same, other = build(), build(), build()
    for model, seed in ((first, 3), (same, 3), (other, 4)):
        prepare_epochs(model, recipe, data, copies(model), seed).run(torch.arange(SIZE))
    assert torch.equal(data.images, before)
    assert torch.equal(first.state_dict()["1.weight"], same.state_dict()["1.weight"])
    assert not torch.equal(first.state_dict()["1.weight"], other.state_dict()["1.weight"])
