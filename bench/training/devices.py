"""Choice of the device and the number of threads of a run."""

import os

import torch

from bench.common.errors import UserError, unknown_name
from bench.common.processors import thread_limits

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
    """Count the threads a trial may use, fixed so that results repeat to the bit: the least limit, rounded down."""
    limits = [limit for limit in thread_limits().values() if limit is not None]
    return max(1, int(min([*limits, os.cpu_count() or 1])))
