"""The article's own training loop, as its readers would write it.

A DataLoader over torchvision's data set with per-image ToTensor and Normalize, batches of 128, Adam, and the CNN
with ReLU before the pooling. Nothing in it is tuned; it is there to be compared with, by itself or under Lightning.
"""

import itertools
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from bench.runner.workers.worker import load_source
from bench.throughput.frameworks.registry import BATCH_SIZE, LEARNING_RATE, Task
from bench.throughput.subprocess_timer import Timer
from bench.training.precision import set_matrix_precision
from bench.training.timing import Clocks
from models import create_model

STEPS = 60
"""How many steps of an epoch are timed."""


def timer(task: Task) -> Timer:
    """Build the timer of an epoch, loading included; in float32 whatever the task's precision, on a GPU too."""
    torch.set_num_threads(task.threads)
    set_matrix_precision("fp32")  # left alone, a GPU's convolutions would run in TF32
    device = torch.device(task.device)
    load_source(task.source)
    loader = article_loader(task.data_dir)
    model = article_model(task.model).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    loss = nn.CrossEntropyLoss()
    batches = itertools.chain.from_iterable(itertools.repeat(loader))

    def seconds() -> float:
        with Clocks(device).measure("train") as lap:
            for images, labels in itertools.islice(batches, STEPS):
                images, labels = images.to(device), labels.to(device)
                optimizer.zero_grad()
                loss(model(images), labels).backward()
                optimizer.step()
        return lap.seconds / STEPS * len(loader)

    return seconds


def article_model(name: str) -> nn.Module:
    """Build the model as the article writes it; other models than the CNN are the registered ones."""
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
    """Load shuffled batches of 128, each image transformed by itself when it is needed."""
    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    data = datasets.MNIST(data_dir, train=True, download=False, transform=to_tensor)
    return DataLoader(data, batch_size=BATCH_SIZE, shuffle=True)
