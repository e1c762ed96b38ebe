"""What ``doctor`` looks at: the data, the devices, the machine's name, the records."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench.data import datasets
from bench.data.registry import DatasetFiles
from bench.records.storage import Problem, load_runs
from bench.runner.environment import describe_environment, read_git, this_machine
from bench.training.devices import available_threads, resolve_device


@dataclass
class Diagnosis:
    """What was found, by name, and what among the records cannot be read."""

    facts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def diagnose(data_dir: Path | None, results: Path) -> Diagnosis:
    """Look at everything a run depends on; damaged data is mended on the way.

    Raises:
        UserError: the data cannot be made right.
    """
    folder = data_dir or datasets.default_data_dir()
    diagnosis = Diagnosis()
    for dataset in datasets.DATASETS.values():
        diagnosis.facts[dataset.name] = _state_of(dataset, folder)
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


def _state_of(dataset: DatasetFiles, data_dir: Path) -> str:
    """What the package brings is loaded, other data where it has been used before; nothing is downloaded."""
    unpacked = all((data_dir / dataset.folder / file).exists() for file in dataset.sha256)
    if not unpacked and not dataset.built_in:
        return f"not used yet; 'python -m bench run --dataset {dataset.name}' looks for it"
    train, test = datasets.load(dataset, data_dir)
    return f"{len(train.labels):,} + {len(test.labels):,} images, SHA-256 correct"
