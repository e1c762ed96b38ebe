import torch

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.training.pipeline import epoch_order, normalise, to_device
from tests.benchmarks.conftest import Measure


def test_data_pipeline(measure: Measure, mnist: tuple[datasets.Split, datasets.Split], device: torch.device) -> None:
    """An epoch's worth of shuffled, normalised batches, and nothing done with them."""
    train, _ = mnist
    data = to_device(train.images, train.labels, device)
    order = torch.Generator().manual_seed(0)

    def epoch() -> None:
        shuffled = data.reordered(epoch_order(len(data), order).to(device))
        for images, _ in shuffled.batches(ARTICLE.batch_size):
            normalise(images, ARTICLE)

    measure(epoch, rounds=15, threshold=0.4, images=len(data), batch_size=ARTICLE.batch_size)
