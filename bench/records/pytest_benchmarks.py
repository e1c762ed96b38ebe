"""Saved runs of the code's own benchmarks, as pytest-benchmark writes them, read without running anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.common.untrusted import parse_json, read_inside

FOLDER = "benchmarks"
"""Below the results folder; one folder per machine in it."""

NOT_ONE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a file that is no saved run may raise."""


@dataclass(frozen=True)
class Case:
    """One benchmark as it was measured: median seconds, and what must be the same for a comparison."""

    name: str
    median_s: float
    threshold: float
    conditions: dict[str, Any]


@dataclass(frozen=True)
class SavedRun:
    """All cases of one call of ``track``, by name; when it was, and the commit it measured."""

    moment: datetime
    commit: str
    cases: Mapping[str, Case]


def read_saved(folder: Path, path: Path) -> dict[str, Any]:
    """What a file below ``folder`` holds. Raises one of ``NOT_ONE`` where it is no JSON object."""
    return dict(parse_json(read_inside(folder, path)))


def cases_of(content: dict[str, Any]) -> dict[str, Case]:
    """The cases of one saved run by name.

    Raises:
        KeyError, TypeError: it is no file of ours.
    """
    return {
        each["fullname"].rpartition("::")[2]: Case(
            name=each["fullname"].rpartition("::")[2],
            median_s=float(each["stats"]["median"]),
            threshold=float(each["extra_info"]["threshold"]),
            conditions=dict(each["extra_info"]["conditions"]),
        )
        for each in content["benchmarks"]
    }


def saved_runs(results: Path) -> dict[str, list[SavedRun]]:
    """By machine, in the order they were saved; files that are no saved runs are left to ``track`` to name."""
    found: dict[str, list[SavedRun]] = {}
    for path in sorted((results / FOLDER).glob("*/*.json")):
        try:
            content = read_saved(results, path)
            moment = datetime.fromisoformat(content["datetime"])
            commit = str(content["commit_info"]["id"] or "unknown")
            saved = SavedRun(moment, commit, cases_of(content))
        except NOT_ONE:
            continue
        found.setdefault(path.parent.name, []).append(saved)
    return found
