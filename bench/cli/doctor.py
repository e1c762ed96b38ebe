"""The command ``doctor``: a check of the data, the devices, the machine's name and the records."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench.cli.output import print_rows
from bench.data import datasets
from bench.data.registry import DatasetFiles
from bench.records.storage import Problem, load_runs
from bench.runner.environment import describe_environment, read_git, this_machine
from bench.runner.progress.summary import report_problems
from bench.training.devices import available_threads, resolve_device


@dataclass
class Diagnosis:
    """The findings by name, and the records that cannot be read."""

    facts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def print_diagnosis(data_dir: Path | None, results: Path, as_json: bool) -> int:
    """Print what :func:`diagnose` finds; gives the exit code.

    Raises:
        UserError: see there.
    """
    diagnosis = diagnose(data_dir, results)
    print_rows([{"check": name, "finding": finding} for name, finding in diagnosis.facts.items()], as_json)
    return report_problems(diagnosis.problems)


def diagnose(data_dir: Path | None, results: Path) -> Diagnosis:
    """Check everything that a run depends on; damaged data is repaired on the way.

    Raises:
        UserError: the data cannot be repaired.
    """
    folder = data_dir or datasets.default_data_dir()
    diagnosis = Diagnosis()
    for dataset in datasets.DATASETS.values():
        diagnosis.facts[dataset.name] = _describe_dataset(dataset, folder)
    machine, git = this_machine(folder), read_git()
    runs, diagnosis.problems = load_runs(results)
    diagnosis.facts |= {
        "machine": machine.name,
        "device": f"auto means {resolve_device('auto')}",
        "threads": f"{available_threads()} for each trial",
        "capabilities": f"CPU kernels for {torch.backends.cpu.get_cpu_capability()}",
        "commit": f"{(git.commit or 'none')[:12]}{', uncommitted changes' if git.dirty else ''}",
        "records": f"{len(runs)} readable, {len(diagnosis.problems)} not",
        **{name: str(fact) for name, fact in describe_environment().items()},
    }
    return diagnosis


def _describe_dataset(dataset: DatasetFiles, data_dir: Path) -> str:
    """Load and check a built-in dataset, or another that has been used before; nothing is downloaded."""
    unpacked = all((data_dir / dataset.folder / file).exists() for file in dataset.sha256)
    if not unpacked and not dataset.built_in:
        return f"not used yet; 'python -m bench run --dataset {dataset.name}' looks for it"
    train, test = datasets.load(dataset, data_dir)
    return f"{len(train.labels):,} + {len(test.labels):,} images, SHA-256 correct"
