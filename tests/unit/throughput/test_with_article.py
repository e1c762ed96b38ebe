"""The harness against the article's own loop: faster, but the same training."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.throughput.frameworks.with_article import article_loader, article_model
from bench.training.epoch_loop import prepare_epochs
from bench.training.model.initial import ModelBuilder, initial_model
from bench.training.pipeline import epoch_order, to_device

CPU = torch.device("cpu")
STEPS = 50


def article_losses(model: nn.Module, order: torch.Tensor, data_dir: Path) -> Iterator[float]:
    """Image by image through torchvision's transforms, and torch's plain Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=ARTICLE.learning_rate)
    ordered = Subset(article_loader(data_dir).dataset, order[: STEPS * ARTICLE.batch_size].tolist())
    for images, labels in DataLoader(ordered, batch_size=ARTICLE.batch_size):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        yield loss.item()


# Against the article's loop in float64, both float32 loops stray by more than 1e-4 from about the CNN's 17th step on,
# which of them sooner depends on the seed (LOG.md): rounding, where it decides which pixel is the largest of four.
@pytest.mark.parametrize(("name", "alike"), [("softmax", STEPS), ("mlp", STEPS), ("cnn", 15)])
def test_fifty_steps_lose_what_the_articles_loop_loses(
    name: str, alike: int, data_dir: Path, mnist: tuple[datasets.Split, datasets.Split]
) -> None:
    ours, theirs = initial_model(name, 10, 0, CPU), article_model(name)
    with torch.no_grad():
        for mine, target in zip(ours.parameters(), theirs.parameters(), strict=True):
            target.copy_(mine)
    data = to_device(mnist[0].images, mnist[0].labels, CPU)
    order = epoch_order(len(data), torch.Generator().manual_seed(3))
    run_epoch = prepare_epochs(ours, ARTICLE, data, ModelBuilder(name, 10, 0, CPU)).run
    size = ARTICLE.batch_size
    losses = [run_epoch(order.roll(-step * size), 1).item() / size for step in range(STEPS)]
    expected = list(article_losses(theirs, order, data_dir))
    assert losses[:alike] == pytest.approx(expected[:alike], rel=1e-4)
    assert losses == pytest.approx(expected, rel=0.02)
