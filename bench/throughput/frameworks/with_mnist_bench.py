"""Our own harness, timed as the others are."""

import torch

from bench.throughput.frameworks.registry import BATCH_SIZE, Task
from bench.throughput.subprocess_timer import Timer
from bench.throughput.workload import Workload
from bench.training.model.seeds import seed_streams
from bench.training.pipeline import epoch_order
from bench.training.timing import Clocks


def timer(task: Task) -> Timer:
    """Build the timer of a whole epoch, shuffling included."""
    workload = Workload(**vars(task))
    model, data = workload.prepare()
    run_epoch = workload.epochs(model, data, BATCH_SIZE)
    generator = torch.Generator().manual_seed(seed_streams(0).order)

    def seconds() -> float:
        with Clocks(torch.device(task.device)).measure("train") as lap:
            run_epoch(epoch_order(len(data), generator))
        return lap.seconds

    return seconds
