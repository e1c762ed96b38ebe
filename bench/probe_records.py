"""The record of one probe: which run was asked, what came out. Written once and atomically, never edited.

Schema history:
    1  first version
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from bench.atomic import write_atomically
from bench.records import FileName, Git, Machine, Name, Part, PositiveInt, Run, Seconds, Trial, digest
from bench.storage import Problem, first_error

FOLDER = "probes"


@dataclass(frozen=True)
class ProbeTask:
    """What a worker needs to answer a probe; ``images`` is how many of the test images are used, from the first."""

    probe: str
    trial: Trial
    weights: Path
    images: int


class ProbeRecord(Part):
    """What one probe found for one run. ``numbers`` are by name; ``run`` is the stem of the run's record."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    probe: Name
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    run: FileName
    images: PositiveInt
    numbers: dict[Name, float]
    seconds: Seconds
    started_at: AwareDatetime
    machine: Machine
    git: Git

    @property
    def stem(self) -> str:
        """The record's file name without its ending."""
        return f"{self.probe}-{self.run}-{self.key[:8]}"


def probe_key(probe: str, source_sha256: str, run: Run, images: int) -> str:
    """What decides whether an answer still holds: the run, the probe's source, and how many images it saw."""
    return digest({"probe": probe, "source": source_sha256, "run": run.stem, "images": images})


def save_probe(results: Path, record: ProbeRecord) -> Path:
    """Write the record below ``results/probes``.

    Raises:
        OSError: the folder cannot be written.
    """
    path = results / FOLDER / record.machine.name / f"{record.stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, record.model_dump_json(by_alias=True, indent=1) + "\n")
    return path


def load_probes(results: Path) -> tuple[list[ProbeRecord], list[Problem]]:
    """Every probe record below ``results``, oldest first, and every JSON file there that is not one."""
    records, problems = [], []
    for path in sorted((results / FOLDER).rglob("*.json")):
        try:
            records.append(ProbeRecord.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            problems.append(Problem(path, first_error(error, "probe")))
        except (OSError, RecursionError) as error:
            problems.append(Problem(path, f"unreadable ({error})"))
    return sorted(records, key=lambda record: record.started_at), problems


def answers_to(probe: str, records: Iterable[ProbeRecord]) -> dict[str, ProbeRecord]:
    """The newest answer to one probe for each run, by the run's stem; on the most images where there are several."""
    chosen: dict[str, ProbeRecord] = {}
    for record in records:
        other = chosen.get(record.run)
        if record.probe == probe and (other is None or record.images >= other.images):
            chosen[record.run] = record
    return chosen
