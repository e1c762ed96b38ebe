"""Peak memory of this process, and of the device's allocator where it keeps count."""

import contextlib
import re
import resource
import sys
from pathlib import Path

import torch

from bench.records.schema import Memory

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


def measure_memory(device: torch.device) -> Memory:
    """Measure the peaks since the process began, or since :func:`forget_peak`."""
    on_device = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return Memory(process_peak_bytes=_process_peak(), device_peak_bytes=on_device)


def forget_peak(device: torch.device) -> None:
    """Reset the peaks to the memory in use now. Where the system cannot, the process's old peak stays."""
    with contextlib.suppress(OSError):
        _CLEAR_REFS.write_text("5")  # Linux: the peak of resident memory begins anew (man 5 proc)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _process_peak() -> int:
    with contextlib.suppress(OSError):
        peak = re.search(r"^VmHWM:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        if peak:
            return int(peak[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
