"""Whatever ordinary PyTorch trains, trains here with the same losses: many kinds of networks, beside a plain loop."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.training.epoch_loop import prepare_epochs
from bench.training.model.initial import ModelBuilder
from bench.training.model.seeds import seed_generators
from bench.training.pipeline import DeviceData, normalise, to_device
from models import registry
from tests.support.architectures import ARCHITECTURES, EAGER

CPU = torch.device("cpu")
STEPS, SIZE, SEED = 30, ARTICLE.batch_size, 4


@pytest.fixture
def data(mnist: tuple[datasets.Split, datasets.Split]) -> DeviceData:
    train, _ = mnist
    return to_device(train.images[: STEPS * SIZE], train.labels[: STEPS * SIZE], CPU)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_loses_what_a_plain_loop_loses(name: str, data: DeviceData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._FACTORIES, name, lambda **_: ARCHITECTURES[name]())
    build = ModelBuilder(name, 10, SEED, CPU)
    prepared = prepare_epochs(build(), ARTICLE, data, build)
    assert prepared.execution.mode == ("eager" if name in EAGER else "captured"), prepared.execution.reason
    seed_generators(SEED)
    order = torch.arange(len(data))
    losses = [prepared.run(order.roll(-step * SIZE), 1).item() / SIZE for step in range(STEPS)]
    assert losses == pytest.approx(plain_losses(ARCHITECTURES[name], data), rel=1e-4)
    assert losses[-1] < losses[0]


def plain_losses(make: Callable[[], nn.Module], data: DeviceData) -> list[float]:
    """Train as anyone would write it; the optimizer is made after a first pass only where it must be."""
    seed_generators(SEED)
    model = make().train()
    seed_generators(SEED)
    optimizer, losses = None, []
    if not any(torch.nn.parameter.is_lazy(parameter) for parameter in model.parameters()) and [*model.parameters()]:
        optimizer = torch.optim.Adam(model.parameters(), lr=ARTICLE.learning_rate)
    for images, labels in data.batches(SIZE):
        loss = F.cross_entropy(model(normalise(images, ARTICLE)), labels)
        optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=ARTICLE.learning_rate)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses
