import pytest
import torch

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.training.epoch_loop import RunEpoch, prepare_epochs
from bench.training.model.initial import ModelBuilder
from bench.training.pipeline import DeviceData, epoch_order, to_device
from models import list_models
from tests.benchmarks.conftest import Measure

SLICE = 100 * ARTICLE.batch_size


@pytest.fixture
def train_data(mnist: tuple[datasets.Split, datasets.Split], device: torch.device) -> DeviceData:
    train, _ = mnist
    return to_device(train.images[:SLICE], train.labels[:SLICE], device)


def epochs(name: str, data: DeviceData, device: torch.device) -> RunEpoch:
    build = ModelBuilder(name, 10, seed=0, device=device)
    return prepare_epochs(build(), ARTICLE, data, build).run


@pytest.mark.parametrize("name", list_models())
def test_training_step(measure: Measure, train_data: DeviceData, device: torch.device, name: str) -> None:
    run_epoch = epochs(name, train_data, device)
    order = torch.arange(SLICE)
    measure(
        lambda: run_epoch(order, 1),
        rounds=100,
        threshold=0.15,
        batch_size=ARTICLE.batch_size,
    )


@pytest.mark.parametrize("name", list_models())
def test_epoch_slice(measure: Measure, train_data: DeviceData, device: torch.device, name: str) -> None:
    run_epoch = epochs(name, train_data, device)
    generator = torch.Generator().manual_seed(0)
    measure(
        lambda: run_epoch(epoch_order(SLICE, generator)),
        rounds=7,
        threshold=0.3,
        batch_size=ARTICLE.batch_size,
        images=SLICE,
    )
