"""Machines of the same name told apart: a name has four digits of the id, and records of many may be joined."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from bench.records.schema import AmbiguousMachine, DatedRecord, Machine

R = TypeVar("R", bound=DatedRecord)


def disambiguate(records: Sequence[R]) -> list[R]:
    """The same records; those of machines of which another has the name are from then on under their whole ids."""
    shared = shared_names(record.machine for record in records)
    return [_by_whole_id(record) if record.machine.name in shared else record for record in records]


def shared_names(machines: Iterable[Machine]) -> dict[str, set[str]]:
    """The names that several machines have, with their ids."""
    ids: dict[str, set[str]] = {}
    for machine in machines:
        ids.setdefault(machine.name, set()).add(machine.id)
    return {name: its for name, its in ids.items() if len(its) > 1}


def _by_whole_id(record: R) -> R:
    return record.model_copy(update={"machine": AmbiguousMachine(slug=record.machine.slug, id=record.machine.id)})
