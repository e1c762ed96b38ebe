"""Scan a results folder: each record with the files that belong to it, and its path in another folder."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bench.common.errors import cause_of
from bench.common.untrusted import UntrustedFileError, check_inside, parse_json, read_inside
from bench.records import probes, pytest_benchmarks, throughput, timing
from bench.records.probes import ProbeRecord
from bench.records.schema import Run
from bench.records.storage import NOISE_FOLDER, Problem, parse_record
from bench.records.throughput import ThroughputRecord
from bench.records.timing import TimingRecord

RUNS = "runs"
NOISE = f"{NOISE_FOLDER}/{RUNS}"
PROBES = probes.FOLDER
BENCHMARKS = pytest_benchmarks.FOLDER

Record = Run | ProbeRecord | ThroughputRecord | TimingRecord

KINDS: dict[str, tuple[type[Record], str]] = {
    RUNS: (Run, "run"),
    NOISE: (Run, "run"),
    PROBES: (ProbeRecord, "probe"),
    timing.FOLDER: (TimingRecord, timing.FOLDER),
    **{folder: (ThroughputRecord, folder) for folder in throughput.FOLDERS},
}
"""By folder below the results: the type of its records, and their name in messages."""


@dataclass(frozen=True)
class RecordFile:
    """The file of a record: its path, its kind, and its path below another results folder (``target``).

    ``beside`` are the existing files that belong to it, to be copied to the same folder under the same names.
    ``record`` is None for saved benchmarks, which pytest-benchmark writes.
    """

    path: Path
    kind: str
    target: Path
    sha256: str
    record: Record | None
    beside: tuple[Path, ...] = ()

    @property
    def order(self) -> tuple[bool, datetime]:
        """Sort key among records with one key, the highest of which is kept: done over not done, newer over older."""
        assert self.record is not None
        return not isinstance(self.record, Run) or self.record.status == "done", self.record.started_at


@dataclass
class FolderContents:
    """All records of one folder; ``problems`` are the files that are no records, each skipped with its reason."""

    items: list[RecordFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def scan_folder(results: Path) -> FolderContents:
    """Read every record below ``results``, in the order of the files' names.

    A symbolic link to a file is followed within ``results`` and nowhere else, one to a folder not at all.
    """
    contents = FolderContents()
    for kind in (*KINDS, BENCHMARKS):
        for path in _json_files(results / kind, contents.problems):
            try:
                contents.items.append(_record_file(results, kind, path))
            except UntrustedFileError as reason:
                contents.problems.append(Problem(path, str(reason)))
            except OSError as error:
                contents.problems.append(Problem(path, f"unreadable ({cause_of(error)})"))
    return contents


def _json_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    def report(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            problems.append(Problem(Path(str(error.filename)), f"unreadable ({cause_of(error)})"))

    for parent, folders, files in os.walk(folder, onerror=report):
        folders.sort()
        links = [path for name in folders if (path := Path(parent, name)).is_symlink()]
        problems += [Problem(path, "a link to a folder") for path in links]
        yield from (Path(parent) / name for name in sorted(files) if name.endswith(".json") and name[0] != ".")


def _record_file(results: Path, kind: str, path: Path) -> RecordFile:
    content = read_inside(results, path)
    sha256 = hashlib.sha256(content).hexdigest()
    if kind == BENCHMARKS:
        _check_benchmarks(results, path, content)
        return RecordFile(path, kind, Path(kind, path.parent.name, path.name), sha256, None)
    record_type, name = KINDS[kind]
    record = parse_record(content, record_type, name)
    beside = [path.with_name(file) for file in _names_beside(record, path)]
    for file in beside:
        if file.suffix not in (".npz", ".safetensors", ".log") and file != path.with_suffix(".py"):
            raise UntrustedFileError(f"it names {file.name}, which is nothing that belongs to a record")
    existing = [file for file in beside if os.path.lexists(file)]
    for file in existing:
        check_inside(results, file)
    return RecordFile(path, kind, Path(kind, record.machine.name, path.name), sha256, record, tuple(existing))


def _names_beside(record: Record, path: Path) -> list[str]:
    if isinstance(record, Run):
        artifacts = [name for _, name in record.artifacts or () if name]
        return [*artifacts, f"{path.stem}.log"]
    return [record.arrays] if isinstance(record, ProbeRecord) and record.arrays else []


def _check_benchmarks(results: Path, path: Path, content: bytes) -> None:
    if path.parent.parent != results / BENCHMARKS:
        raise UntrustedFileError("not in the folder of a machine")
    try:
        pytest_benchmarks.cases_of(parse_json(content))
    except pytest_benchmarks.NOT_ONE as error:
        raise UntrustedFileError("not a saved run of the benchmarks") from error
