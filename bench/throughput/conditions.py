"""The conditions in a record of throughput: how and where it was measured."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench.runner.environment import describe_environment, read_git, this_machine
from bench.runner.monitor import monitor
from bench.throughput.frameworks.registry import Task


def begin(task: Task) -> Callable[[], dict[str, Any]]:
    """Start to measure; the returned function stops and gives the record's fields about how and where."""
    started_at, start, stop_monitoring = datetime.now(UTC), time.monotonic(), monitor(task.device)

    def end() -> dict[str, Any]:
        return {
            "device": task.device,
            "threads": task.threads,
            "precision": task.precision,
            "started_at": started_at,
            "seconds": time.monotonic() - start,
            "machine": this_machine(task.data_dir),
            "git": read_git(),
            "environment": describe_environment(),
            "surroundings": stop_monitoring(),
        }

    return end
