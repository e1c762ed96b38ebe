"""Our own harness, timed as the others are."""

import torch

from bench.peers import BATCH_SIZE, Task
from bench.pipeline import epoch_order
from bench.speed.apart import Timer
from bench.speed.subject import Subject
from bench.timing import Clocks
from bench.train import seed_streams


def timer(task: Task) -> Timer:
    """Seconds of a whole epoch, ordering included."""
    subject = Subject(**vars(task))
    model, data = subject.prepare()
    run_epoch = subject.epochs(model, data, BATCH_SIZE)
    generator = torch.Generator().manual_seed(seed_streams(0).order)

    def seconds() -> float:
        with Clocks(torch.device(task.device)).measure("train") as lap:
            run_epoch(epoch_order(len(data), generator))
        return lap.seconds

    return seconds
