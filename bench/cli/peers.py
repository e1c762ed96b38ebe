"""The command ``peers``: the same training in other frameworks."""

from collections.abc import Sequence
from pathlib import Path

from bench.cli.output import save_and_print
from bench.common.errors import say, unknown_name
from bench.data import datasets
from bench.data.registry import MNIST
from bench.records.storage import check_writable
from bench.report.sections.frameworks import rows_of
from bench.throughput.frameworks.measure import measure_peers
from bench.throughput.frameworks.registry import MODELS, Task
from bench.training.devices import available_threads


def time_peers(models: Sequence[str], results: Path, data_dir: Path | None, as_json: bool) -> int:
    """Time other frameworks in turn with ours, store it, render the report and print the table; gives the exit code.

    Raises:
        UserError: a name is unknown or has no counterpart there, or the results folder cannot be written.
    """
    for name in models:
        if name not in MODELS:
            raise unknown_name("model with a counterpart in other frameworks", name, MODELS)
    folder = data_dir or datasets.default_data_dir()
    check_writable(results)
    datasets.prepare(MNIST, folder)
    record = measure_peers(models or MODELS, Task("", available_threads(), folder), say)
    return save_and_print(results, record, rows_of, as_json)
