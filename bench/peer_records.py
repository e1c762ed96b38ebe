"""The record of one call of ``bench peers``: the same training in other frameworks, in turn with ours.

One JSON file, written once and atomically, never edited. Times are seconds.

Schema history:
    1  first version
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from bench.atomic import write_atomically
from bench.records import Environment, Git, Machine, Name, Part, PositiveInt, Seconds, Surroundings
from bench.speed_records import Rate
from bench.storage import Problem, first_error

FOLDER = "peers"
OURS = "mnist-bench"


class PeerTimes(Part):
    """Seconds of a training epoch, round by round; none where ``note`` says why there are none."""

    peer: Name
    versions: dict[Name, str]
    model: Name
    epoch_s: list[Rate]
    note: Annotated[str, Field(max_length=300)] = ""


class PeersRecord(Part):
    """What one call measured, and under which conditions; round by round all were timed in turn."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    device: Name
    threads: PositiveInt
    started_at: AwareDatetime
    seconds: Seconds
    machine: Machine
    git: Git
    environment: Environment
    surroundings: Surroundings
    times: Annotated[list[PeerTimes], Field(min_length=1)]

    @property
    def place(self) -> str:
        """Machine and device, as in all tables."""
        return f"{self.machine.name} ({self.device})"


def save_peers(results: Path, record: PeersRecord) -> Path:
    """Write the record below ``results/peers``.

    Raises:
        OSError: the folder cannot be written.
    """
    moment = record.started_at.strftime("%Y%m%dT%H%M%S%f")[:-3]
    path = results / FOLDER / record.machine.name / f"{record.device}-{moment}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, record.model_dump_json(by_alias=True, indent=1) + "\n")
    return path


def load_peers(results: Path) -> tuple[list[PeersRecord], list[Problem]]:
    """The newest record of each machine and device, and every JSON file there that is no record."""
    newest: dict[str, PeersRecord] = {}
    problems = []
    for path in sorted((results / FOLDER).rglob("*.json")):
        try:
            record = PeersRecord.model_validate_json(path.read_bytes())
            newest[record.place] = max(newest.get(record.place, record), record, key=lambda each: each.started_at)
        except ValidationError as error:
            problems.append(Problem(path, first_error(error, "peers")))
        except (OSError, RecursionError) as error:
            problems.append(Problem(path, f"unreadable ({error})"))
    return [newest[place] for place in sorted(newest)], problems
