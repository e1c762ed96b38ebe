"""What ``python -m bench peers`` does once its options are read."""

from collections.abc import Sequence
from pathlib import Path

from bench import datasets
from bench.catalogue import MNIST
from bench.devices import available_threads
from bench.errors import say, unknown_name
from bench.outcomes import store
from bench.peers import MODELS, Task
from bench.peers.measure import measure_peers
from bench.report.peers import rows_of
from bench.storage import check_writable


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
    return store(results, record, rows_of, as_json)
