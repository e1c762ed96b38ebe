"""Seconds of a step by batch size: training as the harness trains, and inference alone."""

import time
from collections.abc import Callable

import torch

from bench.evaluate import evaluate
from bench.pipeline import DeviceData
from bench.speed.subject import Subject
from bench.speed_records import StepTime
from bench.stats import spread
from bench.timing import synchronise

BATCH_SIZES = (1, 8, 32, 128, 512, 2048, 8192)
ROUNDS = 9
SECONDS = 0.4
"""At most so long for each size where steps are short; never fewer than three rounds."""
ROUND_S = 0.005
"""Steps shorter than this are timed several at once, so that reading the clock does not count."""


def measure_step_times(subject: Subject) -> list[StepTime]:
    """Both phases at every batch size, on the first images of the training set."""
    model, data = subject.prepare()
    times = []
    for size in BATCH_SIZES:
        batch = DeviceData(data.images[:size], data.labels[:size])
        step = subject.step(model, batch, size)
        train = lambda step=step, batch=batch: step(batch.images, batch.labels)  # noqa: E731
        infer = lambda batch=batch, size=size: evaluate(model, batch, subject.recipe, size)  # noqa: E731
        times += [_time(subject, "train", size, train), _time(subject, "infer", size, infer)]
    return times


def _time(subject: Subject, phase: str, batch_size: int, work: Callable[[], object]) -> StepTime:
    device = torch.device(subject.device)
    _seconds(work, 2, device)  # warm-up
    once = _seconds(work, 1, device)
    at_once = max(1, round(ROUND_S / once))
    rounds = max(3, min(ROUNDS, int(SECONDS / (once * at_once))))
    times = spread([_seconds(work, at_once, device) / at_once for _ in range(rounds)])
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


def _seconds(work: Callable[[], object], times: int, device: torch.device) -> float:
    synchronise(device)
    start = time.perf_counter()
    for _ in range(times):
        work()
    synchronise(device)
    return time.perf_counter() - start
