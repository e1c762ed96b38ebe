"""The highest use of memory so far: of this process, and of the device's allocator where it keeps count."""

import resource
import sys

import torch

from bench.records import Memory


def measure_memory(device: torch.device) -> Memory:
    """Peaks since the process began."""
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes on macOS, KiB elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    on_device = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return Memory(process_peak_bytes=peak, device_peak_bytes=on_device)
