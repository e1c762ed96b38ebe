"""The article's own training loop, as its readers would write it, to be compared with the harness.

A DataLoader over torchvision's data set with per-image ToTensor and Normalize, batches of 128, Adam, and the CNN
with ReLU before the pooling. Nothing in it is tuned; it is there to be compared with, by itself or under Lightning.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from bench.recipes import ARTICLE
from bench.timing import synchronise
from models import create_model


def article_model(name: str) -> nn.Module:
    """The model as the article writes it; for other models than the CNN that is the registered one."""
    if name != "cnn":
        return create_model(name)
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def article_loader(data_dir: Path) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    """Shuffled batches of 128, each image transformed by itself when it is asked for."""
    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    data = datasets.MNIST(data_dir, train=True, download=False, transform=to_tensor)
    return DataLoader(data, batch_size=ARTICLE.batch_size, shuffle=True)


class ArticleLoop:
    """The loop, stoppable after any step so that a bounded number of steps can be timed."""

    def __init__(self, model_name: str, data_dir: Path, device: torch.device) -> None:
        self._device = device
        self._loader = article_loader(data_dir)
        self._model = article_model(model_name).to(device)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=ARTICLE.learning_rate)
        self._loss = nn.CrossEntropyLoss()
        self._batches = self._endless()
        self.steps_per_epoch = len(self._loader)

    def seconds(self, steps: int) -> float:
        """Time ``steps`` steps, loading included."""
        synchronise(self._device)
        start = time.perf_counter()
        for _ in range(steps):
            images, labels = next(self._batches)
            images, labels = images.to(self._device), labels.to(self._device)
            self._optimizer.zero_grad()
            self._loss(self._model(images), labels).backward()
            self._optimizer.step()
        synchronise(self._device)
        return time.perf_counter() - start

    def _endless(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from self._loader
