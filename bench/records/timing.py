"""The record of timing rounds: the times of training steps of several models, in turn. Written once and atomically.

The rounds of a suite are spread over its trials, and each time that some are measured a record is written. Times are
seconds.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bench.records.fields import Name, PositiveInt, RecordPart, digest
from bench.records.schema import Data, Measurement, Trial
from bench.records.storage import Problem, load_records, save_measurement

FOLDER = "timing"
"""Below the results folder; one folder per machine in it."""

MAX_ROUNDS = 10_000


@dataclass(frozen=True)
class TimingTask:
    """A request to take training steps of a trial's model for a number of seconds at least, and to time them."""

    trial: Trial
    seconds: float


class Round(RecordPart):
    """Training steps that were taken one after the other: their images, and their seconds together."""

    images: PositiveInt
    seconds: Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class ModelTimes:
    """Rounds of one model as far as it got; ``note`` says why it got no further."""

    trial: Trial
    rounds: list[Round] = field(default_factory=list)
    note: str = ""


class TimedModel(RecordPart):
    """Rounds of one model, in the order in which they were measured; ``note`` says why there are fewer than of others.

    ``key`` stands for the code that was timed, its settings, torch and threads; ``timing_id`` for what was timed.
    """

    trial: Trial
    timing_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    rounds: Annotated[list[Round], Field(max_length=MAX_ROUNDS)]
    note: Annotated[str, Field(max_length=300)] = ""

    @property
    def image_s(self) -> list[float]:
        """Seconds per image, round by round."""
        return [timed.seconds / timed.images for timed in self.rounds]


class TimingRecord(Measurement):
    """Record of some rounds in turn: round i of every model was measured before round i + 1 of any."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    precision: Name
    data: Data
    models: Annotated[list[TimedModel], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({timed.timing_id for timed in self.models}) < len(self.models):
            raise ValueError("a model is timed twice in the same rounds")
        return self


def timing_id(trial: Trial, data: Data) -> str:
    """Identify what is timed: 16 hex digits of all that the time of a training step of ``trial`` may depend on."""
    return digest({"timing": trial.identity("suite", "threads", "seed", "epochs"), "data": data.sha256})


def save_timing(results: Path, record: TimingRecord) -> Path:
    """Write the record into its folder below ``results``.

    Raises:
        OSError: the folder cannot be written.
    """
    return save_measurement(results / FOLDER, f"{record.device}-{record.precision}", record)


def load_timings(results: Path) -> tuple[list[TimingRecord], list[Problem]]:
    """Load every record of timing rounds, oldest first, and every JSON file among them that is none."""
    return load_records(results / FOLDER, TimingRecord, FOLDER)


def common_rounds(records: Iterable[TimingRecord], keys: Collection[str]) -> int:
    """Count the rounds that have a time of every one of ``keys``."""
    by_key = [{timed.key: len(timed.rounds) for timed in record.models} for record in records]
    return sum(min((lengths.get(key, 0) for key in keys), default=0) for lengths in by_key)
