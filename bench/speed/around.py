"""What a record of speed says of its circumstances, whatever was measured."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.environment import describe_environment, read_git, this_machine
from bench.surroundings import watch


def begin(device: str, threads: int, data_dir: Path) -> Callable[[], dict[str, Any]]:
    """Begin to measure; the function returned ends it and gives the fields of :class:`bench.records.Measurement`."""
    started_at, start, end_watch = datetime.now(UTC), time.monotonic(), watch(device)

    def end() -> dict[str, Any]:
        return {
            "device": device,
            "threads": threads,
            "started_at": started_at,
            "seconds": time.monotonic() - start,
            "machine": this_machine(data_dir),
            "git": read_git(),
            "environment": describe_environment(),
            "surroundings": end_watch(),
        }

    return end
