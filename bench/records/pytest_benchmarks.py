"""Saved runs of the code's own benchmarks, as pytest-benchmark writes them, and which of them are accepted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.common.atomic import write_atomically
from bench.common.untrusted import make_folder, parse_json, read_inside
from bench.records.machines import Machine

FOLDER = "benchmarks"
"""Below the results folder; one folder per machine in it."""

ACCEPTED = "accepted.txt"
"""In a machine's folder: the files of the accepted runs, one a line. pytest-benchmark reads ``*.json`` alone."""

NOT_ONE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""Exceptions that reading a file that is no saved run may raise."""


@dataclass(frozen=True)
class Case:
    """One measured benchmark: median seconds, and the conditions that must be the same for a comparison."""

    name: str
    median_s: float
    threshold: float
    conditions: dict[str, Any]


@dataclass(frozen=True)
class SavedRun:
    """All cases of one call of ``track``, by name, with its time and the commit it measured.

    ``environment`` holds processor, Python and libraries, ``deselected`` the cases that ``--only`` left out. ``dirty``
    is None where git did not say.
    """

    moment: datetime
    commit: str
    cases: Mapping[str, Case]
    file: str = ""
    dirty: bool | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    deselected: frozenset[str] = frozenset()


def folder_of(results: Path, machine: Machine) -> Path:
    """The folder of one machine's runs."""
    return results / FOLDER / machine.name


def read_saved(folder: Path, path: Path) -> dict[str, Any]:
    """Read a file below ``folder``; one of ``NOT_ONE`` is raised if it is no JSON object."""
    return dict(parse_json(read_inside(folder, path)))


def cases_of(content: Mapping[str, Any]) -> dict[str, Case]:
    """Extract the cases of one saved run by name.

    Raises:
        KeyError, TypeError: the file has another structure.
    """
    return {
        name_of(case["fullname"]): Case(
            name=name_of(case["fullname"]),
            median_s=float(case["stats"]["median"]),
            threshold=float(case["extra_info"]["threshold"]),
            conditions=dict(case["extra_info"]["conditions"]),
        )
        for case in content["benchmarks"]
    }


def name_of(node_id: str) -> str:
    """Name of a case without its file, so that a case that moved to another file is the same."""
    return node_id.rpartition("::")[2]


def parse_run(content: Mapping[str, Any], file: str) -> SavedRun:
    """Parse the content of one file; one of ``NOT_ONE`` is raised if it is no saved run."""
    commit = content["commit_info"]
    return SavedRun(
        moment=datetime.fromisoformat(content["datetime"]),
        commit=str(commit["id"] or "unknown"),
        cases=cases_of(content),
        file=file,
        dirty=commit["dirty"],
        environment=_environment(content.get("machine_info", {})),
        deselected=frozenset(map(str, content.get("deselected", ()))),
    )


def read_runs(folder: Path, root: Path | None = None) -> tuple[list[SavedRun], list[Path]]:
    """Read one machine's runs, in the order they were saved; and the files that are none.

    Args:
        root: the folder out of which no link may lead; None: ``folder``.
    """
    runs, others = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            runs.append(parse_run(read_saved(root or folder, path), path.name))
        except NOT_ONE:
            others.append(path)
    return runs, others


def saved_runs(results: Path) -> dict[str, list[SavedRun]]:
    """Load the saved runs by machine, in the order they were saved; ``track`` names the files that are none."""
    folders = sorted((results / FOLDER).glob("*"))
    by_machine = {folder.name: read_runs(folder, results)[0] for folder in folders}
    return {machine: runs for machine, runs in by_machine.items() if runs}


def file_run(results: Path, folder: Path, written: Path) -> Path:
    """Copy a file of pytest-benchmark's into a machine's folder, under the next number.

    Its own numbers begin anew in each folder that it writes into.

    Raises:
        OSError: the folder cannot be written.
    """
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.json")]
    path = folder / f"{max(numbers, default=0) + 1:04d}{written.name[4:]}"
    make_folder(results, folder)
    write_atomically(path, written.read_bytes())
    return path


def read_accepted(folder: Path) -> list[str]:
    """Read the names of the accepted files, oldest first; none where nothing was accepted.

    Raises:
        OSError, ValueError: the list is there and cannot be read.
    """
    path = folder / ACCEPTED
    return read_inside(folder, path).decode().split() if path.exists() else []


def write_accepted(folder: Path, files: Iterable[str]) -> None:
    """Replace the list of accepted files.

    Raises:
        OSError: the folder cannot be written.
    """
    write_atomically(folder / ACCEPTED, "".join(f"{file}\n" for file in files))


def _environment(machine_info: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the machine and its software that change what any code takes."""
    cpu, gpu = machine_info.get("cpu", {}), machine_info.get("gpu", {})
    facts = {
        "processor": cpu.get("brand_raw"),
        "processors": cpu.get("count"),
        "gpu": gpu.get("gpu_model"),
        "Python": machine_info.get("python_version"),
    }
    return {name: value for name, value in (facts | machine_info.get("libraries", {})).items() if value is not None}
