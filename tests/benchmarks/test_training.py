import pytest
import torch

from bench import datasets
from bench.pipeline import DeviceData, to_device
from bench.recipes import ARTICLE
from bench.train import make_optimizer, train_epoch, train_step
from bench.trials import initial_model
from models import list_models
from tests.benchmarks.conftest import Measure

SLICE = 100 * ARTICLE.batch_size


@pytest.fixture
def train_data(mnist: tuple[datasets.Split, datasets.Split], device: torch.device) -> DeviceData:
    train, _ = mnist
    return to_device(train.images[:SLICE], train.labels[:SLICE], device)


@pytest.mark.parametrize("name", list_models())
def test_training_step(measure: Measure, train_data: DeviceData, device: torch.device, name: str) -> None:
    model = initial_model(name, 10, seed=0, device=device).train()
    optimizer = make_optimizer(model, ARTICLE)
    images, labels = next(train_data.batches(ARTICLE.batch_size))
    measure(
        lambda: train_step(model, optimizer, ARTICLE, images, labels),
        rounds=100,
        threshold=0.15,
        batch_size=ARTICLE.batch_size,
    )


@pytest.mark.parametrize("name", list_models())
def test_epoch_slice(measure: Measure, train_data: DeviceData, device: torch.device, name: str) -> None:
    model = initial_model(name, 10, seed=0, device=device)
    optimizer = make_optimizer(model, ARTICLE)
    order = torch.Generator().manual_seed(0)
    measure(
        lambda: train_epoch(model, optimizer, ARTICLE, train_data, order),
        rounds=7,
        threshold=0.3,
        batch_size=ARTICLE.batch_size,
        images=SLICE,
    )
