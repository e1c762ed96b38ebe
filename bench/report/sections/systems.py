"""Section on systems: the hardware of each, and what was measured on those that the report is not about."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.analysis.groups import ConditionResults, Group, by_count_and_date, location_of
from bench.common.errors import unknown_name
from bench.records.schema import Run
from bench.report.elements.blocks import Block, Heading, Table
from bench.report.elements.formatting import accuracy_cell, speed_cell, unsteady_notes
from bench.report.elements.section import Section
from bench.report.sections.accuracy import hint
from bench.report.sections.conditions import hardware

SYSTEMS_NOTE = (
    "A system is a kind of hardware; machines of one kind share its rows. A machine of which no more than a name is "
    "known is a system of its own. The same seed gives the same weights within a system, for the same torch and number "
    "of threads, and not beyond."
)


def main_system(runs: Iterable[Run], asked: str | None = None) -> str | None:
    """Choose the system of a report: the one asked for, or that with the most finished runs, then the newest.

    Raises:
        UserError: no run is of the system asked for.
    """
    by_system: dict[str, list[Run]] = {}
    for run in runs:
        if run.status == "done":
            by_system.setdefault(run.machine.label, []).append(run)
    if asked is not None and asked not in by_system:
        raise unknown_name("system", asked, by_system)
    return asked or max(by_system, key=lambda label: by_count_and_date(by_system[label]), default=None)


def section(runs: Sequence[Run], others: Sequence[ConditionResults]) -> Section:
    """Build the table of all systems, and that of what ``others`` hold."""
    finished = [run for run in runs if run.status == "done"]
    blocks: list[Block] = []
    if finished:
        blocks += [Heading(2, "Systems", "systems"), Table("systems", _system_rows(finished)), SYSTEMS_NOTE]
    groups = groups_of(others)
    if groups:
        blocks += [
            Heading(2, "On other systems", "other-systems"),
            Table("other-systems", other_rows(others), [hint(group) for group in groups]),
            *unsteady_notes(groups),
        ]
    return Section(blocks)


def groups_of(comparisons: Sequence[ConditionResults]) -> list[Group]:
    """List the groups of all conditions."""
    return [group for comparison in comparisons for group in comparison.groups]


def other_rows(others: Sequence[ConditionResults]) -> list[dict[str, Any]]:
    """Build one row per model, system and condition."""
    return [
        {
            "system": group.location,
            "what": comparison.condition.title,
            "model": group.name,
            "seeds": len(group.seeds),
            "test accuracy, %": accuracy_cell(group),
            "images/s": speed_cell(f"{group.images_per_s:,.0f}", group),
        }
        for comparison in others
        for group in comparison.groups
    ]


def _system_rows(finished: Sequence[Run]) -> list[dict[str, str]]:
    by_location: dict[str, list[Run]] = {}
    for run in finished:
        by_location.setdefault(location_of(run), []).append(run)
    return [_system_row(location, runs) for location, runs in by_location.items()]


def _system_row(location: str, runs: Sequence[Run]) -> dict[str, str]:
    newest = max(runs, key=lambda run: run.started_at)
    return {
        "system": location,
        "hardware": hardware(newest) or "unknown",
        "machines": str(len({run.machine.id for run in runs})),
        "threads": str(newest.trial.threads),
        "torch": str(newest.environment.get("torch", "unknown")),
        "runs": f"{len(runs):,}",
        "models": str(len({run.trial.model for run in runs})),
        "from": f"{min(run.started_at for run in runs):%Y-%m-%d}",
        "to": f"{newest.started_at:%Y-%m-%d}",
    }
