import pytest
import torch

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.training.evaluate import evaluate
from bench.training.model.initial import initial_model
from bench.training.pipeline import to_device
from models import list_models
from tests.benchmarks.conftest import Measure

IMAGES = {1: 100, 128: 5120, 1000: 10_000}
THRESHOLDS = {1: 0.15, 128: 0.2, 1000: 0.4}
"""Images evaluated and what may change, by batch size."""


@pytest.mark.parametrize("batch_size", IMAGES)
@pytest.mark.parametrize("name", list_models())
def test_evaluation(
    measure: Measure,
    mnist: tuple[datasets.Split, datasets.Split],
    device: torch.device,
    name: str,
    batch_size: int,
) -> None:
    _, test = mnist
    images = IMAGES[batch_size]
    data = to_device(test.images[:images], test.labels[:images], device)
    model = initial_model(name, 10, seed=0, device=device)
    measure(
        lambda: evaluate(model, data, ARTICLE, batch_size),
        rounds=15,
        threshold=THRESHOLDS[batch_size],
        batch_size=batch_size,
        images=images,
    )
