"""Choice of the device and the number of threads of a run."""

import os

import torch

from bench.common.errors import UserError, unknown_name

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> str:
    """Check the name of a device; ``auto`` becomes the first available of cuda, mps and cpu.

    Raises:
        UserError: the device is unknown or not available.
    """
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_there in available.items() if is_there)
    if not available[name]:
        usable = ", ".join(device for device, is_there in available.items() if is_there)
        raise UserError(f"device {name!r} is not available here: use one of auto, {usable}")
    return name


def available_threads() -> int:
    """Count the processors this process may use: a trial's thread count, fixed so that results repeat to the bit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
