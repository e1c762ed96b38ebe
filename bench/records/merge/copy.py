"""Choose the records to copy, and copy them file by file: what belongs to a record before the record itself."""

import filecmp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of, unknown_name
from bench.common.untrusted import make_folder
from bench.records.machines import shared_names
from bench.records.merge.scan import BENCHMARKS, PROBES, RUNS, RecordFile, scan_folder
from bench.records.probes import ProbeRecord
from bench.records.schema import Run
from bench.records.storage import Problem, check_writable

KEEP = ("last", "all")


@dataclass
class MergeResult:
    """Result of one call. Counts are of records; ``superseded`` are those that ``last`` does not copy.

    ``conflicts`` and ``notes`` are lines of text, ``empty`` lists the folders that hold nothing.
    """

    copied: list[Path] = field(default_factory=list)
    already_there: int = 0
    superseded: int = 0
    conflicts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The counts in words: ``merged: 12 copied, 3 already there``."""
        counts = {
            "copied": len(self.copied),
            "already there": self.already_there,
            "superseded": self.superseded,
            "in conflict": len(self.conflicts),
            "skipped": len(self.problems),
        }
        return f"merged: {', '.join(f'{count:,} {what}' for what, count in counts.items() if count) or 'nothing'}"

    def to_json(self) -> dict[str, Any]:
        """Convert to plain numbers and lists of lines."""
        return {
            "copied": [str(path) for path in self.copied],
            "already_there": self.already_there,
            "superseded": self.superseded,
            "conflicts": self.conflicts,
            "warnings": self.notes + [f"no records in {folder}" for folder in self.empty],
            "problems": [str(problem) for problem in self.problems],
        }


def merge_into(results: Path, folders: Sequence[Path], keep: str = "last") -> MergeResult:
    """Copy the records of ``folders`` into ``results``, by the rule of :mod:`bench.records.merge`.

    Called again it goes on where it was interrupted, and changes nothing where it was not.

    Raises:
        UserError: ``keep`` is no rule, a folder is missing, none of them holds a record, or a file cannot be written.
    """
    if keep not in KEEP:
        raise unknown_name("rule for --keep", keep, KEEP)
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"no results folder {folder}: name folders that 'python -m bench run' has written")
    merged = MergeResult()
    mine = scan_folder(results).items
    others = [item for folder in folders for item in _records_of(folder, results, merged)]
    if not others and len(merged.empty) == len(folders):
        names = ", ".join(map(str, folders))
        raise UserError(f"no records in {names}: name results folders, those that have a folder 'runs' in them")
    check_writable(results)
    wanted = _without_mixed_benchmarks([*mine, *others], others, merged)
    if keep == "last":
        wanted = _without_superseded([*mine, *others], wanted, merged)
    try:
        for item in wanted:
            _copy(item, results, merged)
    except OSError as error:
        raise UserError(
            f"cannot merge into {results}: {cause_of(error)}; what was copied before is kept, "
            "and the same command goes on from there"
        ) from error
    return merged


def _records_of(folder: Path, results: Path, merged: MergeResult) -> list[RecordFile]:
    """Scan one of the folders; no records if it is the folder that all is merged into."""
    if results.exists() and folder.samefile(results):
        return []
    contents = scan_folder(folder)
    merged.problems += contents.problems
    if not contents.items and not contents.problems:
        merged.empty.append(folder)
    return contents.items


def _without_superseded(
    everything: Sequence[RecordFile], wanted: Iterable[RecordFile], merged: MergeResult
) -> list[RecordFile]:
    """Drop from ``wanted`` runs and probe results replaced by a later one of the same key, and results of such runs."""
    last: dict[tuple[str, str, str], RecordFile] = {}
    for item in everything:
        key = _key(item)
        if key and (key not in last or item.order > last[key].order):
            last[key] = item
    replaced = [item for item in everything if (key := _key(item)) and item.order < last[key].order]
    files = {(item.target, item.sha256) for item in replaced}
    runs = {item.target.stem for item in replaced if item.kind == RUNS}
    kept = []
    for item in wanted:
        of_replaced_run = isinstance(item.record, ProbeRecord) and item.record.run in runs
        if of_replaced_run or (item.target, item.sha256) in files:
            merged.superseded += 1
        else:
            kept.append(item)
    return kept


def _key(item: RecordFile) -> tuple[str, str, str] | None:
    """Key that records of the same trial or probe share; None where each is a measurement of its own."""
    if item.kind not in (RUNS, PROBES) or not isinstance(item.record, Run | ProbeRecord):
        return None
    return item.kind, item.record.machine.id, item.record.key


def _without_mixed_benchmarks(
    everything: Sequence[RecordFile], wanted: Iterable[RecordFile], merged: MergeResult
) -> list[RecordFile]:
    """Drop from ``wanted`` benchmarks of ambiguous machines: they hold a name that several share, and no id."""
    shared = shared_names(item.record.machine for item in everything if item.record)
    for name, ids in sorted(shared.items()):
        merged.notes.append(f"{len(ids)} machines are called {name}; the tables call them by their whole ids")
    kept = []
    for item in wanted:
        ids = shared.get(item.target.parts[1], set()) if item.kind == BENCHMARKS else set()
        if ids:
            merged.conflicts.append(f"{item.path} is left out: it is of one of {len(ids)} machines of the same name")
        else:
            kept.append(item)
    return kept


def _copy(item: RecordFile, results: Path, merged: MergeResult) -> None:
    """Copy a record after its files; nothing at all where one of the files is there with another content."""
    target = results / item.target
    pairs = [*((path, target.with_name(path.name)) for path in item.beside), (item.path, target)]
    missing = [(path, to) for path, to in pairs if not to.exists()]
    for path, to in pairs:
        if (path, to) not in missing and not filecmp.cmp(path, to, shallow=False):
            merged.conflicts.append(f"{path} differs from {to}, which stays as it is")
            return
    if not missing:
        merged.already_there += 1
        return
    make_folder(results, target.parent)
    for path, to in missing:
        write_atomically(to, path.read_bytes())
    merged.copied.append(target)
