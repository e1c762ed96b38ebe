"""Clocks that wait for the device.

Work on a GPU is asynchronous, so the clock waits for the device before it reads the time. Four clocks are told
apart: setup (data to the device, model built), warm-up, training, evaluation. The time source can be injected.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

import torch

TimeSource = Callable[[], float]


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all work given to it; none was given to a GPU that nothing has used yet."""
    # waiting for a GPU that nothing has used would make its context, in nobody's time
    if device.type == "cuda" and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Lap:
    """Seconds of one measured block; set when the block ends."""

    seconds = 0.0


class Clocks:
    """Total seconds by name, over all blocks measured under that name."""

    def __init__(self, device: torch.device, now: TimeSource = time.perf_counter) -> None:
        self._device = device
        self._now = now
        self._totals: dict[str, float] = {}

    @contextlib.contextmanager
    def measure(self, name: str) -> Iterator[Lap]:
        """Time the body of the ``with`` block, device work included."""
        lap = Lap()
        synchronise(self._device)
        start = self._now()
        yield lap
        synchronise(self._device)
        lap.seconds = self._now() - start
        self._totals[name] = self.total(name) + lap.seconds

    def total(self, name: str) -> float:
        """Total seconds measured under ``name`` so far."""
        return self._totals.get(name, 0.0)
