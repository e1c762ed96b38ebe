"""Lightning around the article's loop: its DataLoader and model, Lightning's trainer."""

import logging
import time
import warnings
from typing import Any

import lightning
import torch
import torch.nn.functional as F

from bench.throughput.frameworks.registry import LEARNING_RATE, Task
from bench.throughput.frameworks.with_article import article_loader, article_model
from bench.throughput.subprocess_timer import Timer

STEPS = 60
"""How many steps of an epoch are timed, after the first few."""
FIRST = 5


def timer(task: Task) -> Timer:
    """Build the timer of an epoch."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(task.threads)
    loader = article_loader(task.data_dir)
    model = _Module(task.model)

    def seconds() -> float:
        clock = _Clock()
        trainer = lightning.Trainer(
            accelerator="cpu", max_epochs=1, limit_train_batches=FIRST + STEPS, logger=False, callbacks=[clock],
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(model, loader)
        return clock.seconds / STEPS * len(loader)

    return seconds


class _Module(lightning.LightningModule):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.model = article_model(name)

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        images, labels = batch
        return F.cross_entropy(self.model(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


class _Clock(lightning.Callback):
    """Seconds since the first few steps."""

    seconds = 0.0
    _steps = 0
    _start = 0.0

    def on_train_batch_end(self, *_: Any) -> None:
        self._steps += 1
        if self._steps == FIRST:
            self._start = time.perf_counter()
        self.seconds = time.perf_counter() - self._start
