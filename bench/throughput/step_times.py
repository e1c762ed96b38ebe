"""Step times by batch size, in seconds: training as the harness trains, and inference alone."""

import functools
import time
from collections.abc import Callable

import torch
from torch import nn

from bench.analysis.stats import spread
from bench.records.throughput import StepTime
from bench.throughput.workload import Workload
from bench.training.evaluate import evaluate
from bench.training.pipeline import DeviceData
from bench.training.timing import synchronise

BATCH_SIZES = (1, 8, 32, 128, 512, 2048, 8192)
ROUNDS = 9
SECONDS = 0.4
"""Seconds for each size at most, where steps are short; never fewer than three rounds."""
ROUND_S = 0.005
"""Seconds of a round at least: shorter steps are timed several at once, so that reading the clock does not count."""


def measure_step_times(workload: Workload) -> list[StepTime]:
    """Time both phases at every batch size; training as in an epoch, its share of shuffling included."""
    model, data = workload.prepare()
    times = []
    for size in BATCH_SIZES:
        steps = len(data) // size
        full_batches = DeviceData(data.images[: steps * size], data.labels[: steps * size])
        train = functools.partial(workload.epochs(model, full_batches, size), torch.arange(len(full_batches)))
        infer = functools.partial(_infer, model, workload, DeviceData(data.images[:size], data.labels[:size]))
        times += [_time(workload, "train", size, train, steps), _time(workload, "infer", size, infer, steps)]
    return times


def _infer(model: nn.Module, workload: Workload, batch: DeviceData, times: int) -> None:
    for _ in range(times):
        evaluate(model, batch, workload.recipe, len(batch))


def _time(workload: Workload, phase: str, batch_size: int, work: Callable[[int], object], max_steps: int) -> StepTime:
    """Time ``work``, which takes a given number of steps, ``max_steps`` at most."""
    device = torch.device(workload.device)
    _seconds(work, 2, device)  # warm-up
    step_s = _seconds(work, 1, device)
    steps = max(1, min(round(ROUND_S / step_s), max_steps))
    rounds = max(3, min(ROUNDS, int(SECONDS / (step_s * steps))))
    times = spread([_seconds(work, steps, device) / steps for _ in range(rounds)])
    return StepTime.model_validate(
        {
            "phase": phase,
            "batch_size": batch_size,
            "median_s": times.median,
            "low_quartile_s": times.low_quartile,
            "high_quartile_s": times.high_quartile,
            "rounds": rounds,
        }
    )


def _seconds(work: Callable[[int], object], times: int, device: torch.device) -> float:
    synchronise(device)
    start = time.perf_counter()
    work(times)
    synchronise(device)
    return time.perf_counter() - start
