"""Unique labels for machines: a name has four digits of the id, so several machines may share one."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from bench.records.schema import AmbiguousMachine, DatedRecord, Machine

R = TypeVar("R", bound=DatedRecord)


def disambiguate(records: Sequence[R]) -> list[R]:
    """Return the records with whole ids in place of the names that several of their machines share."""
    shared = shared_names(record.machine for record in records)
    return [_by_whole_id(record) if record.machine.name in shared else record for record in records]


def shared_names(machines: Iterable[Machine]) -> dict[str, set[str]]:
    """Find the names that several machines share, with their ids."""
    ids_by_name: dict[str, set[str]] = {}
    for machine in machines:
        ids_by_name.setdefault(machine.name, set()).add(machine.id)
    return {name: ids for name, ids in ids_by_name.items() if len(ids) > 1}


def _by_whole_id(record: R) -> R:
    return record.model_copy(update={"machine": AmbiguousMachine(slug=record.machine.slug, id=record.machine.id)})
