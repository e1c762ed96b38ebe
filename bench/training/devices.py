"""Choice of the device and the number of threads of a run."""

import os

import torch

from bench.common.errors import UserError, say, unknown_name
from bench.common.processors import thread_limits

DEVICES = ("auto", "cpu", "cuda", "mps")
NO_GPU = ("Found no NVIDIA driver", "No CUDA GPUs are available")
"""What torch says where there is none, or where CUDA_VISIBLE_DEVICES hides all."""


def resolve_device(name: str) -> str:
    """Check the name of a device; ``auto`` becomes the first available of cuda, mps and cpu.

    Where a GPU is there and torch cannot use it, ``auto`` says so.

    Raises:
        UserError: the device is unknown or not available.
    """
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        if reason := cuda_refusal():
            say(f"torch cannot use this machine's GPU, so auto does without ({reason})")
        return next(device for device, is_there in available.items() if is_there)
    if not available[name]:
        usable = ", ".join(device for device, is_there in available.items() if is_there)
        raise UserError(f"device {name!r} is not available here: use one of auto, {usable}")
    return name


def cuda_refusal() -> str:
    """Say why torch cannot use a GPU that is there, as with a driver older than its CUDA; empty elsewhere."""
    if torch.cuda.is_available() or torch.version.cuda is None:
        return ""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever CUDA has against it
        text = " ".join(str(error).split())
        return "" if any(absence in text for absence in NO_GPU) else text[:300]
    return ""


def available_threads() -> int:
    """Count the threads a trial may use, fixed so that results repeat to the bit: the least limit, rounded down."""
    limits = [limit for limit in thread_limits().values() if limit is not None]
    return max(1, int(min([*limits, os.cpu_count() or 1])))
