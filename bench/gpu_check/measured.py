"""Checks that train in this process: kernels of a replayed step, and epochs in every precision and memory format."""

import itertools
import statistics
from pathlib import Path

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from bench.data import datasets
from bench.data.registry import MNIST
from bench.gpu_check.findings import Findings
from bench.recipes.recipe import ARTICLE, PRECISIONS
from bench.records.schema import Execution, Trial
from bench.training.epoch_loop import PreparedEpochs, prepare_epochs
from bench.training.model.initial import ModelBuilder, channels_last
from bench.training.pipeline import DeviceData, to_device
from bench.training.precision import set_matrix_precision
from bench.training.timing import Clocks

MODELS = ("softmax", "mlp", "cnn")
EPOCHS = 5
MODES = {"cuda": "cuda_graph", "cpu": "captured"}


def data_dir() -> Path:
    """Give the folder of the data, with MNIST in it."""
    folder = datasets.default_data_dir()
    datasets.prepare(MNIST, folder)
    return folder


def trial(model: str, device: str, epochs: int) -> Trial:
    """Make the article's trial of a model, for some epochs."""
    return Trial(
        suite="gpu-check",
        model=model,
        recipe="article",
        dataset=MNIST.name,
        seed=0,
        **ARTICLE.changed(epochs=epochs).model_dump(),
        device=device,
        threads=torch.get_num_threads(),
        train_size=MNIST.train_size,
    )


def judge_execution(found: Findings, what: str, execution: Execution, device: str) -> None:
    """Judge whether steps were taken in the fastest way, with the reason where they were not."""
    taken = f"{execution.mode} {execution.reason}".strip()
    found.judge(f"steps of {what}", taken, MODES[device], execution.mode == MODES[device])


def kernels(found: Findings, device: str) -> None:
    """Count the kernels of a replayed step and sum their times, by torch's profiler."""
    data = _data(device)
    order, steps = torch.arange(len(data)), ARTICLE.steps_per_epoch(len(data))
    activity = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    for model in MODELS:
        prepared = _prepare(model, data, "fp32", device)
        judge_execution(found, model, prepared.execution, device)
        prepared.run(order)
        with profile(activities=[activity]) as profiled, Clocks(torch.device(device)).measure("train") as lap:
            prepared.run(order)
        events = [event for event in profiled.events() if device == "cpu" or str(event.device_type).endswith("CUDA")]
        total_us = sum(
            event.self_device_time_total if device == "cuda" else event.self_cpu_time_total for event in events
        )
        found.fact(f"kernels a step of {model}", round(len(events) / steps, 2))
        found.fact(f"microseconds of kernels a step of {model}", round(total_us / steps, 2))
        found.fact(f"microseconds a step of {model} while profiled", round(lap.seconds / steps * 1e6, 2))


def variants(found: Findings, device: str) -> None:
    """Time the CNN's epochs by precision, memory format and cuDNN's choice of algorithms."""
    data = _data(device)
    precisions = [precision for precision in PRECISIONS if device == "cuda" or precision != "tf32"]
    for precision, last, autotuned in itertools.product(precisions, (False, True), (False, True)):
        torch.backends.cudnn.benchmark = autotuned
        prepared = _prepare("cnn", data, precision, device, channels_are_last=last)
        name = f"{precision}, channels {'last' if last else 'first'}, {'autotuned' if autotuned else 'as chosen'}"
        found.fact(f"ms of an epoch: {name}", round(1000 * epoch_s(prepared, data), 3))


def epoch_s(prepared: PreparedEpochs, data: DeviceData) -> float:
    """Time some epochs after one of warm-up; gives the median in seconds."""
    order, seconds = torch.randperm(len(data)), []
    for _ in range(1 + EPOCHS):
        with Clocks(data.labels.device).measure("train") as lap:
            prepared.run(order)
        seconds.append(lap.seconds)
    return statistics.median(seconds[1:])


def _data(device: str) -> DeviceData:
    split, _ = datasets.load(MNIST, data_dir())
    return to_device(split.images, split.labels, torch.device(device))


def _prepare(
    model: str, data: DeviceData, precision: str, device: str, channels_are_last: bool | None = None
) -> PreparedEpochs:
    """Prepare the epochs of a model; None: in the memory format that the harness chooses."""
    set_matrix_precision(precision)
    build = ModelBuilder(model, MNIST.num_classes, seed=0, device=torch.device(device))

    def duplicate() -> nn.Module:
        if channels_are_last is None:
            return build()
        return channels_last(build()) if channels_are_last else _channels_first(build())

    return prepare_epochs(duplicate(), ARTICLE.changed(precision=precision), data, duplicate)


def _channels_first(model: nn.Module) -> nn.Module:
    return model.to(memory_format=torch.contiguous_format)
