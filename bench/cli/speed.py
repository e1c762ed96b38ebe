"""The command ``speed``: training and inference times of the models."""

from collections.abc import Sequence
from pathlib import Path

import torch

from bench.cli.output import save_and_print
from bench.common.errors import say
from bench.data import datasets
from bench.data.registry import MNIST
from bench.records.storage import check_writable
from bench.report.sections.throughput import terminal_rows
from bench.runner.plan import check_models
from bench.throughput.measure import measure_speed
from bench.throughput.workload import Workload
from bench.training.devices import available_threads, resolve_device
from bench.training.precision import check_precision


def time_models(
    models: Sequence[str], device: str, precision: str, results: Path, data_dir: Path | None, as_json: bool
) -> int:
    """Measure the speed of models, store it, render the report and print the table; gives the exit code.

    Raises:
        UserError: a name is unknown, the device cannot do it, or the results folder cannot be written.
    """
    names, resolved = check_models(models), resolve_device(device)
    check_precision(precision, torch.device(resolved))
    folder = data_dir or datasets.default_data_dir()
    check_writable(results)
    datasets.prepare(MNIST, folder)
    record, failures = measure_speed(names, Workload("", available_threads(), folder, resolved, precision), say)
    for line in failures:
        say(f"error: {line}")
    if record is None:
        return 2
    return max(save_and_print(results, record, terminal_rows, as_json), 2 if failures else 0)
