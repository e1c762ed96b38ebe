"""Which device a run uses, and with how many threads."""

import os

import torch

from bench.common.errors import UserError, unknown_name

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> str:
    """``auto`` becomes the first of cuda, mps, cpu that is there.

    Raises:
        UserError: the device is unknown or not there.
    """
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_there in available.items() if is_there)
    if not available[name]:
        there = ", ".join(device for device, is_there in available.items() if is_there)
        raise UserError(f"device {name!r} is not available here: use one of auto, {there}")
    return name


def available_threads() -> int:
    """Processors this process may use; the trial's thread count, fixed so that results repeat to the bit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
