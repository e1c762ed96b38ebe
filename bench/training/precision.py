"""Set the precision, fp32, tf32 or bf16, for convolutions and matrix products alike.

Left alone, torch runs a GPU's convolutions in TF32 and its matrix products in float32, so a CNN and an MLP would be
compared at different precision.
"""

import contextlib

import torch

from bench.common.errors import UserError
from bench.recipes.recipe import PRECISIONS, Recipe


def check_precision(precision: str, device: torch.device) -> None:
    """Check that the device has the precision.

    Raises:
        UserError: the precision is unknown or the device does not have it.
    """
    if precision not in PRECISIONS:
        raise UserError(f"unknown precision {precision!r}: known are {', '.join(PRECISIONS)}")
    if precision == "tf32" and device.type != "cuda":
        raise UserError(f"precision tf32 needs a CUDA device, and this run is on {device.type}; use fp32 or bf16")


def set_matrix_precision(precision: str) -> None:
    """Set the float32 arithmetic of CUDA's convolutions and matrix products for this process."""
    mode = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cudnn.conv.fp32_precision = mode  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = mode


def autocast(recipe: Recipe, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Context for a forward pass: bfloat16 where the recipe says so, nothing otherwise."""
    if recipe.precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
