"""Evaluate a trained model on a dataset: loss, accuracy, logits."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from bench.recipes.recipe import Recipe
from bench.training.heartbeat import beat
from bench.training.pipeline import DeviceData, normalise
from bench.training.precision import autocast

BATCH_SIZE = 250
"""Of 100 to 2,000 the sizes around this were fastest for the CNN on a CPU (LOG.md, 2026-11-24)."""
GPU_BATCH_SIZE = 2_500
"""Large, since each batch costs a GPU the launch of its kernels; the CNN's widest layer takes 250 MB of it."""


@dataclass(frozen=True)
class Evaluation:
    """Result: ``logits`` float32 of shape ``(N, num_classes)`` on the device, ``loss`` mean cross-entropy in nats."""

    loss: float
    accuracy: float
    logits: torch.Tensor

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss)


def default_batch_size(device: torch.device) -> int:
    """Choose the number of images that are evaluated together."""
    return BATCH_SIZE if device.type == "cpu" else GPU_BATCH_SIZE


@torch.no_grad()  # not inference mode: a tensor that a model keeps from here must be of use in training
def evaluate(model: nn.Module, data: DeviceData, recipe: Recipe, batch_size: int | None = None) -> Evaluation:
    """Run ``model`` in evaluation mode over all of ``data``; the mode it had is restored.

    Args:
        batch_size: None: that of :func:`default_batch_size`.
    """
    size = batch_size or default_batch_size(data.labels.device)
    was_training = model.training
    model.eval()
    with autocast(recipe, data.labels.device):
        parts = []
        for images, _ in data.batches(size):
            parts.append(model(normalise(images, recipe)).float())
            beat()
        logits = torch.cat(parts)
    model.train(was_training)
    loss = F.cross_entropy(logits, data.labels).item()
    accuracy = (logits.argmax(dim=1) == data.labels).sum().item() / len(data)
    return Evaluation(loss, accuracy, logits)
