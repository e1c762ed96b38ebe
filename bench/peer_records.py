"""The record of one call of ``bench peers``: the same training in other frameworks, in turn with ours.

One JSON file, written once and atomically, never edited. Times are seconds.

Schema history:
    1  first version
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bench.records import Measurement, Name, Part
from bench.speed_records import Rate
from bench.storage import Problem, load_records, save_measurement

FOLDER = "peers"
OURS = "mnist-bench"


class PeerTimes(Part):
    """Seconds of a training epoch, round by round; none where ``note`` says why there are none."""

    peer: Name
    versions: dict[Name, str]
    model: Name
    epoch_s: list[Rate]
    note: Annotated[str, Field(max_length=300)] = ""


class PeersRecord(Measurement):
    """What one call measured, and under which conditions; round by round all were timed in turn."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    times: Annotated[list[PeerTimes], Field(min_length=1)]


def save_peers(results: Path, record: PeersRecord) -> Path:
    """Write the record below ``results/peers``.

    Raises:
        OSError: the folder cannot be written.
    """
    return save_measurement(results / FOLDER, record.device, record)


def load_peers(results: Path) -> tuple[list[PeersRecord], list[Problem]]:
    """The newest record of each machine and device, and every JSON file there that is no record."""
    records, problems = load_records(results / FOLDER, PeersRecord, "peers")
    newest = {record.place: record for record in records}
    return [newest[place] for place in sorted(newest)], problems
