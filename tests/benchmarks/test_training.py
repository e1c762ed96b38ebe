import pytest
import torch

from bench import datasets
from bench.pipeline import DeviceData, to_device
from bench.recipes import ARTICLE
from bench.steps import Step, choose_method
from bench.train import batches_of_each_size, train_epoch
from bench.trials import initial_model
from models import list_models
from tests.benchmarks.conftest import Measure

SLICE = 100 * ARTICLE.batch_size


@pytest.fixture
def train_data(mnist: tuple[datasets.Split, datasets.Split], device: torch.device) -> DeviceData:
    train, _ = mnist
    return to_device(train.images[:SLICE], train.labels[:SLICE], device)


def make_step(name: str, data: DeviceData, device: torch.device) -> Step:
    model = initial_model(name, 10, seed=0, device=device).train()
    return choose_method(model, ARTICLE, batches_of_each_size(data, ARTICLE.batch_size)).step(model, ARTICLE)


@pytest.mark.parametrize("name", list_models())
def test_training_step(measure: Measure, train_data: DeviceData, device: torch.device, name: str) -> None:
    step = make_step(name, train_data, device)
    images, labels = next(train_data.batches(ARTICLE.batch_size))
    measure(
        lambda: step(images, labels),
        rounds=100,
        threshold=0.15,
        batch_size=ARTICLE.batch_size,
    )


@pytest.mark.parametrize("name", list_models())
def test_epoch_slice(measure: Measure, train_data: DeviceData, device: torch.device, name: str) -> None:
    step = make_step(name, train_data, device)
    order = torch.Generator().manual_seed(0)
    measure(
        lambda: train_epoch(step, ARTICLE.batch_size, train_data, order),
        rounds=7,
        threshold=0.3,
        batch_size=ARTICLE.batch_size,
        images=SLICE,
    )
