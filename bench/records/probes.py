"""The record of one probe: the run it probed and the result. Written once and atomically, never edited.

Schema history:
    1  first version
    2  notes, arrays, train_images
    3  the machine's system
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bench.common.atomic import write_atomically
from bench.common.untrusted import UntrustedFileError, make_folder, read_arrays
from bench.records.fields import Count, FileName, Name, PositiveInt, Seconds
from bench.records.machines import Machine
from bench.records.schema import DatedRecord, Git, Trial
from bench.records.storage import Predictions, Problem, load_records, npz

FOLDER = "probes"


@dataclass(frozen=True)
class ProbeTask:
    """Everything a worker needs to run a probe.

    ``images`` is how many of the test images are used, ``train_images`` how many of the training images, both from
    the first; a probe that trains nothing gets none of the latter. ``answers`` are the trained model's, which a model
    built anew must give too; ``doubts`` say why it may not, as far as the run's own checks know.
    """

    probe: str
    trial: Trial
    weights: Path
    images: int
    train_images: int = 0
    answers: Predictions | None = field(default=None, compare=False)
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeOutput:
    """Result of a probe: numbers and notes by name, and arrays for pictures.

    ``machine`` is the one the probe ran on, if that was not this one. ``leaves_traces``: the model may have changed
    what the next probe in the same process would meet.
    """

    numbers: dict[str, float]
    notes: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    machine: Machine | None = None
    leaves_traces: bool = False


class ProbeRecord(DatedRecord):
    """Result of one probe of one run. ``numbers`` and ``notes`` are by name; ``run`` is the stem of the run's record.

    ``arrays`` is the name of the file beside the record that holds the arrays, if there are any.
    """

    schema_version: Literal[1, 2, 3] = Field(default=3, alias="schema")
    probe: Name
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    run: FileName
    images: PositiveInt
    train_images: Count = 0
    numbers: dict[Name, float]
    notes: dict[Name, str] = Field(default_factory=dict)
    arrays: FileName | None = None
    seconds: Seconds
    git: Git

    @property
    def stem(self) -> str:
        """The record's file name without its ending."""
        return probe_stem(self.probe, self.run, self.key)


def probe_stem(probe: str, run: str, key: str) -> str:
    """File name of a probe's record without its ending."""
    return f"{probe}-{run}-{key[:8]}"


def probe_path(results: Path, machine: Machine, stem: str) -> Path:
    """Path of the probe record with that stem."""
    return results / FOLDER / machine.name / f"{stem}.json"


def save_probe(results: Path, record: ProbeRecord, arrays: dict[str, np.ndarray] | None = None) -> Path:
    """Write the record below ``results/probes``, its arrays first.

    Raises:
        OSError: the folder cannot be written.
    """
    path = probe_path(results, record.machine, record.stem)
    make_folder(results, path.parent)
    if record.arrays and arrays:
        write_atomically(path.with_name(record.arrays), npz(arrays))
    write_atomically(path, record.model_dump_json(by_alias=True, indent=1) + "\n")
    return path


def load_probes(results: Path) -> tuple[list[ProbeRecord], list[Problem]]:
    """Load every probe record below ``results``, oldest first, and every JSON file there that is not one."""
    return load_records(results / FOLDER, ProbeRecord, "probe")


def load_arrays(results: Path, record: ProbeRecord) -> dict[str, np.ndarray]:
    """Load the arrays of a record by name; none where it has none or their file is gone or damaged."""
    if record.arrays is None:
        return {}
    try:
        return read_arrays(results, results / FOLDER / record.machine.name / record.arrays)
    except (OSError, UntrustedFileError):
        return {}


def latest_answers(probe: str, records: Iterable[ProbeRecord]) -> dict[str, ProbeRecord]:
    """Choose the result of one probe for each run, by the run's stem: the one on the most images, then the newest."""
    chosen: dict[str, ProbeRecord] = {}
    for record in records:
        other = chosen.get(record.run)
        if record.probe == probe and (other is None or _size(record) >= _size(other)):
            chosen[record.run] = record
    return chosen


def _size(record: ProbeRecord) -> tuple[int, int]:
    return record.train_images, record.images
