"""What a results folder holds: each record with the files that belong to it, and where it goes in another folder."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bench import noise, peer_records, probe_records, saved_benchmarks, speed_records
from bench.peer_records import PeersRecord
from bench.probe_records import ProbeRecord
from bench.records import Run
from bench.speed_records import SpeedRecord
from bench.storage import Problem, first_error

RUNS = "runs"
NOISE = f"{noise.FOLDER}/{RUNS}"
PROBES = probe_records.FOLDER
BENCHMARKS = saved_benchmarks.FOLDER

Record = Run | ProbeRecord | SpeedRecord | PeersRecord

KINDS: dict[str, tuple[type[Run] | type[ProbeRecord] | type[SpeedRecord] | type[PeersRecord], str]] = {
    RUNS: (Run, "run"),
    NOISE: (Run, "run"),
    PROBES: (ProbeRecord, "probe"),
    speed_records.FOLDER: (SpeedRecord, "speed"),
    peer_records.FOLDER: (PeersRecord, "peers"),
}
"""By folder below the results: what its records are, and what they are called."""

MOST_BYTES = 100_000_000
"""No record and nothing beside it comes near; what is larger is not read."""


@dataclass(frozen=True)
class Item:
    """A record: the file as it lies, what it is, where it goes below another results folder.

    ``beside`` are the files that belong to it and are there, to be copied to the same folder under the same names.
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
        """Of two records with one key the higher is the one that counts: done before not done, newer before older."""
        assert self.record is not None
        return not isinstance(self.record, Run) or self.record.status == "done", self.record.started_at


@dataclass
class Found:
    """All of one folder; ``problems`` are the files that are no records, each skipped with its reason."""

    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def look_through(results: Path) -> Found:
    """Read every record below ``results``, in the order of the files' names.

    A symbolic link to a file is followed within ``results`` and nowhere else, one to a folder not at all.
    """
    found = Found()
    for kind in (*KINDS, BENCHMARKS):
        for path in _json_files(results / kind, found.problems):
            try:
                found.items.append(_item(results, kind, path))
            except _NotOne as reason:
                found.problems.append(Problem(path, str(reason)))
    return found


class _NotOne(Exception):
    """The file is no record; the text says why."""


def _json_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    def say(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            problems.append(Problem(Path(str(error.filename)), f"unreadable ({error.strerror})"))

    for place, folders, files in os.walk(folder, onerror=say):
        folders.sort()
        links = [path for name in folders if (path := Path(place, name)).is_symlink()]
        problems += [Problem(path, "a link to a folder") for path in links]
        yield from (Path(place) / name for name in sorted(files) if name.endswith(".json") and name[0] != ".")


def _item(results: Path, kind: str, path: Path) -> Item:
    content = _read_inside(path, results)
    sha256 = hashlib.sha256(content).hexdigest()
    if kind == BENCHMARKS:
        _check_benchmarks(results, path, content)
        return Item(path, kind, Path(kind, path.parent.name, path.name), sha256, None)
    record_type, name = KINDS[kind]
    try:
        record = record_type.model_validate_json(content)
    except ValidationError as error:
        raise _NotOne(first_error(error, name)) from error
    except RecursionError as error:
        raise _NotOne("nested too deeply") from error
    beside = [path.with_name(file) for file in _names_beside(record, path)]
    for file in beside:
        if file.suffix not in (".npz", ".safetensors", ".log"):
            raise _NotOne(f"it names {file.name}, which is nothing that belongs to a record")
    there = [file for file in beside if os.path.lexists(file)]
    for file in there:
        _check_inside(file, results)
    return Item(path, kind, Path(kind, record.machine.name, path.name), sha256, record, tuple(there))


def _names_beside(record: Record, path: Path) -> list[str]:
    if isinstance(record, Run):
        artifacts = [record.artifacts.predictions, record.artifacts.weights] if record.artifacts else []
        return [*artifacts, f"{path.stem}.log"]
    return [record.arrays] if isinstance(record, ProbeRecord) and record.arrays else []


def _check_benchmarks(results: Path, path: Path, content: bytes) -> None:
    if path.parent.parent != results / BENCHMARKS:
        raise _NotOne("not in the folder of a machine")
    try:
        saved_benchmarks.cases_of(json.loads(content))
    except saved_benchmarks.NOT_ONE as error:
        raise _NotOne("not a saved run of the benchmarks") from error


def _read_inside(path: Path, results: Path) -> bytes:
    """The content of an ordinary file that lies in ``results``, whatever links lead to it."""
    _check_inside(path, results)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _NotOne(f"unreadable ({error.strerror})") from error


def _check_inside(path: Path, results: Path) -> None:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links was a RuntimeError before Python 3.13
        raise _NotOne(f"{path.name} is a link that leads nowhere") from error
    if not real.is_relative_to(results.resolve()):
        raise _NotOne(f"{path.name} is a link that leads out of {results}")
    if not real.is_file():
        raise _NotOne(f"{path.name} is no ordinary file")
    if real.stat().st_size > MOST_BYTES:
        raise _NotOne(f"{path.name} is larger than {MOST_BYTES / 1e6:.0f} MB")
