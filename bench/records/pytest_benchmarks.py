"""Read saved runs of the code's own benchmarks, as pytest-benchmark writes them, without running anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.common.untrusted import parse_json, read_inside

FOLDER = "benchmarks"
"""Below the results folder; one folder per machine in it."""

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
    """All cases of one call of ``track``, by name, with its time and the commit it measured."""

    moment: datetime
    commit: str
    cases: Mapping[str, Case]


def read_saved(folder: Path, path: Path) -> dict[str, Any]:
    """Read a file below ``folder``; one of ``NOT_ONE`` is raised if it is no JSON object."""
    return dict(parse_json(read_inside(folder, path)))


def cases_of(content: dict[str, Any]) -> dict[str, Case]:
    """Extract the cases of one saved run by name.

    Raises:
        KeyError, TypeError: the file has another structure.
    """
    return {
        case["fullname"].rpartition("::")[2]: Case(
            name=case["fullname"].rpartition("::")[2],
            median_s=float(case["stats"]["median"]),
            threshold=float(case["extra_info"]["threshold"]),
            conditions=dict(case["extra_info"]["conditions"]),
        )
        for case in content["benchmarks"]
    }


def saved_runs(results: Path) -> dict[str, list[SavedRun]]:
    """Load the saved runs by machine, in the order they were saved; ``track`` names the files that are none."""
    by_machine: dict[str, list[SavedRun]] = {}
    for path in sorted((results / FOLDER).glob("*/*.json")):
        try:
            content = read_saved(results, path)
            moment = datetime.fromisoformat(content["datetime"])
            commit = str(content["commit_info"]["id"] or "unknown")
            saved = SavedRun(moment, commit, cases_of(content))
        except NOT_ONE:
            continue
        by_machine.setdefault(path.parent.name, []).append(saved)
    return by_machine
