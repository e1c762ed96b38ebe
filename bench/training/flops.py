"""Floating-point operations of a model, counted by torch as 2 per multiply-add."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2  # one image would hide a model that mixes them


def train_flops_per_image(model: nn.Module) -> int:
    """FLOPs of forward and backward pass divided by their images.

    Element-wise work, pooling and the optimizer are not counted.
    """
    twin = copy.deepcopy(model).cpu()
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(_logits(twin), torch.zeros(BATCH, dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops()) // BATCH


def infer_flops_per_image(model: nn.Module) -> int:
    """The same of the forward pass alone."""
    twin = copy.deepcopy(model).cpu().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        _logits(twin)
    return int(counter.get_total_flops()) // BATCH


def _logits(model: nn.Module) -> torch.Tensor:
    logits: torch.Tensor = model(torch.zeros(BATCH, 1, 28, 28))
    return logits
