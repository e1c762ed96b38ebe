"""Our own harness, timed as the others are."""

import torch

from bench.throughput.frameworks.registry import BATCH_SIZE, Task
from bench.throughput.subprocess_timer import Timer
from bench.throughput.workload import Workload
from bench.training.model.seeds import seed_streams
from bench.training.pipeline import epoch_order
from bench.training.timing import Clocks

ROUND_S = 1.0
"""Seconds of a round, about, where an epoch takes longer."""


def timer(task: Task) -> Timer:
    """Build the timer of an epoch, shuffling included, or of its first steps where it is long."""
    workload = Workload(**vars(task))
    model, data = workload.prepare()
    run_epoch = workload.epochs(model, data, BATCH_SIZE)
    generator = torch.Generator().manual_seed(seed_streams(0).order)
    whole = workload.recipe.changed(batch_size=BATCH_SIZE).steps_per_epoch(len(data))

    def seconds_of(steps: int) -> float:
        with Clocks(torch.device(task.device)).measure("train") as lap:
            run_epoch(epoch_order(len(data), generator), steps)
        return lap.seconds

    step_s = min(seconds_of(3) for _ in range(3)) / 3
    steps = whole if step_s * whole <= 2 * ROUND_S else round(ROUND_S / step_s)
    images = min(len(data), steps * BATCH_SIZE)
    return lambda: seconds_of(steps) * len(data) / images
