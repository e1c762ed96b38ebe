"""The record of one call of ``bench speed``: how fast each model trains and answers, and what the machine could do.

One JSON file, written once and atomically, never edited. Times are seconds, sizes bytes, rates per second.

Schema history:
    1  first version
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bench.records import Count, Measurement, Name, Part, PositiveInt
from bench.storage import Problem, load_records, save_measurement

FOLDER = "speed"

Rate = Annotated[float, Field(gt=0)]


class Peaks(Part):
    """What the device reached in this run: the best matrix product in the precision, the best copy (read and write)."""

    matmul_flops_per_s: Rate
    copy_bytes_per_s: Rate


class StepTime(Part):
    """Seconds of one step on ``batch_size`` images: training, or inference alone. Over ``rounds`` of one or more."""

    phase: Literal["train", "infer"]
    batch_size: PositiveInt
    median_s: Rate
    low_quartile_s: Rate
    high_quartile_s: Rate
    rounds: PositiveInt

    @property
    def images_per_s(self) -> float:
        """At the median step."""
        return self.batch_size / self.median_s


class Cost(Part):
    """What an image costs, whatever the machine, and what memory a training at ``batch_size`` took in a run of its own.

    FLOPs count 2 per multiply-add. Bytes are those that the operations of a step read and write, as if there were no
    cache, divided by its images. ``memory_bytes`` is the process's peak, ``idle_bytes`` what it held before.
    """

    parameters: Count
    batch_size: PositiveInt
    train_flops_per_image: Count
    infer_flops_per_image: Count
    train_bytes_per_image: Count
    infer_bytes_per_image: Count
    memory_bytes: Count
    idle_bytes: Count


class ModelSpeed(Part):
    """One model: seconds of a training epoch by the article's own loop and by the harness, round by round; the rest."""

    model: Name
    article_epoch_s: Annotated[list[Rate], Field(min_length=1)]
    harness_epoch_s: Annotated[list[Rate], Field(min_length=1)]
    step_times: Annotated[list[StepTime], Field(min_length=1)]
    cost: Cost

    @property
    def ratios(self) -> list[float]:
        """How often our epoch fits into the article's, round by round."""
        return [theirs / ours for theirs, ours in zip(self.article_epoch_s, self.harness_epoch_s, strict=True)]

    def step_time(self, phase: str, batch_size: int) -> StepTime | None:
        """Of that phase at that batch size; None where it was not measured."""
        return next((it for it in self.step_times if (it.phase, it.batch_size) == (phase, batch_size)), None)

    @model_validator(mode="after")
    def _rounds_have_both_sides(self) -> Self:
        if len(self.article_epoch_s) != len(self.harness_epoch_s):
            raise ValueError("the rounds of the two sides are not of equal number")
        return self


class SpeedRecord(Measurement):
    """What one call measured, and under which conditions."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    precision: Name
    peaks: Peaks
    models: Annotated[list[ModelSpeed], Field(min_length=1)]


def save_speed(results: Path, record: SpeedRecord) -> Path:
    """Write the record below ``results/speed``.

    Raises:
        OSError: the folder cannot be written.
    """
    return save_measurement(results / FOLDER, f"{record.device}-{record.precision}", record)


def load_speed(results: Path) -> tuple[list[SpeedRecord], list[Problem]]:
    """The newest record of each machine, device and precision, and every JSON file there that is no record."""
    records, problems = load_records(results / FOLDER, SpeedRecord, "speed")
    newest = {(record.place, record.precision): record for record in records}
    return [newest[key] for key in sorted(newest)], problems
