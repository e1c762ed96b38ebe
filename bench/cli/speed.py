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
from bench.runner.discovery.choice import select_models
from bench.runner.plan import SOURCES_FOLDER
from bench.runner.workers.processes import end_forkserver
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
    resolved, folder = resolve_device(device), data_dir or datasets.default_data_dir()
    check_precision(precision, torch.device(resolved))
    selection = select_models(models, controls=False, written=folder / SOURCES_FOLDER)
    end_forkserver()  # an idle process beside the measurement
    check_writable(results)
    datasets.prepare(MNIST, folder)
    for line in selection.left_out:
        say(line)
    record, failures = measure_speed(
        selection.sources, Workload("", available_threads(), folder, resolved, precision), say
    )
    for line in failures:
        say(f"error: {line}")
    if record is None:
        return 2
    return max(save_and_print(results, record, terminal_rows, as_json), 2 if failures else 0)
