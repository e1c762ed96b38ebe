"""Count a model's floating-point operations with torch, 2 per multiply-add."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2  # one image would hide a model that mixes them


def train_flops_per_image(model: nn.Module) -> int:
    """Count the FLOPs of forward and backward pass per image.

    Element-wise work, pooling and the optimizer are not counted.
    """
    cpu_model = copy.deepcopy(model).cpu()
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(_logits(cpu_model), torch.zeros(BATCH, dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops()) // BATCH


def infer_flops_per_image(model: nn.Module) -> int:
    """Count the FLOPs of the forward pass alone per image."""
    cpu_model = copy.deepcopy(model).cpu().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        _logits(cpu_model)
    return int(counter.get_total_flops()) // BATCH


def _logits(model: nn.Module) -> torch.Tensor:
    logits: torch.Tensor = model(torch.zeros(BATCH, 1, 28, 28))
    return logits
