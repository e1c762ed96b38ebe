"""The record of one call of ``bench speed`` or ``bench peers``: how fast each model trains, by framework, in turn.

One JSON file, written once and atomically, never edited. Times are seconds, sizes bytes, rates per second.

Schema history:
    1  of ``speed``: an epoch of the article's loop and of the harness as two lists of each model;
       of ``peers``: one list of ``times`` of all models, each with its ``peer``, always in fp32
    2  the same record for both: each model has its ``times`` by framework, the article's loop and ours among them.
       Schema 1 is converted to it when read. From here on the article's loop is in fp32 on a GPU too, where torch's
       default is TF32 for convolutions; files of ``peers`` have the precision in their names.
    3  FLOPs may be missing
    4  the machine's system
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from bench.records.fields import Count, Name, PositiveInt, RecordPart
from bench.records.schema import Measurement
from bench.records.storage import Problem, load_records, save_measurement

FOLDERS = ("speed", "peers")
"""Below the results, by the command that wrote what is in them."""
OURS = "mnist-bench"
ARTICLE = "article"
"""The article's own loop, a framework like others."""

Rate = Annotated[float, Field(gt=0)]


class Peaks(RecordPart):
    """Peak rates of the device in this run: the best matrix product in the precision, the best copy (read, write)."""

    matmul_flops_per_s: Rate
    copy_bytes_per_s: Rate


class StepTime(RecordPart):
    """Seconds of one step on ``batch_size`` images, training or inference alone, over ``rounds`` rounds."""

    phase: Literal["train", "infer"]
    batch_size: PositiveInt
    median_s: Rate
    low_quartile_s: Rate
    high_quartile_s: Rate
    rounds: PositiveInt

    @property
    def images_per_s(self) -> float:
        """Images per second at the median step."""
        return self.batch_size / self.median_s


class Cost(RecordPart):
    """Cost of an image on any machine, and the memory that training at ``batch_size`` took in a run of its own.

    FLOPs count 2 per multiply-add; null where torch cannot count them. Bytes are those that the operations of a step
    read and write, as if there were no cache, divided by its images. ``memory_bytes`` is the process's peak,
    ``idle_bytes`` what it held before.
    """

    parameters: Count
    batch_size: PositiveInt
    train_flops_per_image: Count | None
    infer_flops_per_image: Count | None
    train_bytes_per_image: Count
    infer_bytes_per_image: Count
    memory_bytes: Count
    idle_bytes: Count


class EpochTimes(RecordPart):
    """Seconds of a training epoch in one framework, round by round; none where ``note`` says why."""

    framework: Name
    versions: dict[Name, str] = Field(default_factory=dict)
    epoch_s: list[Rate]
    note: Annotated[str, Field(max_length=300)] = ""


class ModelThroughput(RecordPart):
    """Times of one model in every framework, in turn; for ``speed`` also our steps by batch size, and their costs."""

    model: Name
    times: Annotated[list[EpochTimes], Field(min_length=1)]
    step_times: list[StepTime] = Field(default_factory=list)
    cost: Cost | None = None

    def epoch_s(self, framework: str) -> list[float]:
        """Seconds of an epoch in ``framework``, round by round; none where it was not timed."""
        return next((times.epoch_s for times in self.times if times.framework == framework), [])

    def times_in_turn(self, framework: str) -> tuple[list[float], list[float]]:
        """Seconds of the framework's epoch and of ours, round by round; none where not both were timed in each."""
        theirs, ours = self.epoch_s(framework), self.epoch_s(OURS)
        return (theirs, ours) if len(theirs) == len(ours) else ([], [])

    def step_time(self, phase: str, batch_size: int) -> StepTime | None:
        """Time of a step of that phase at that batch size; None where it was not measured."""
        return next((time for time in self.step_times if (time.phase, time.batch_size) == (phase, batch_size)), None)


class ThroughputRecord(Measurement):
    """Record of one call of ``speed`` or ``peers``; only ``speed`` measures the peaks of the machine."""

    schema_version: Literal[2, 3, 4] = Field(default=4, alias="schema")
    precision: Name
    peaks: Peaks | None = None
    models: Annotated[list[ModelThroughput], Field(min_length=1)]

    @property
    def folder(self) -> str:
        """Folder of the record below the results, named after the command that wrote it."""
        return "speed" if self.peaks else "peers"

    @model_validator(mode="before")
    @classmethod
    def _as_schema_2(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("schema") != 1:
            return value
        try:
            return _convert_peers(value) if "times" in value else _convert_speed(value)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not as schema 1 has it: {error!r}") from error

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for model in self.models:
            if len({times.framework for times in model.times}) < len(model.times):
                raise ValueError("a model has a framework twice")
            if len({bool(part) for part in (self.peaks, model.cost, model.step_times)}) > 1:
                raise ValueError("peaks, times of steps and costs are there together or not at all")
            if self.peaks and not model.times_in_turn(ARTICLE)[0]:
                raise ValueError("the rounds of the article's loop and of ours are not of equal number")
        return self


def _convert_speed(old: dict[str, Any]) -> dict[str, Any]:
    models = [{**model} for model in old["models"]]
    for model in models:
        sides = {ARTICLE: model.pop("article_epoch_s"), OURS: model.pop("harness_epoch_s")}
        model["times"] = [{"framework": framework, "epoch_s": epoch_s} for framework, epoch_s in sides.items()]
    return old | {"schema": 2, "models": models}


def _convert_peers(old: dict[str, Any]) -> dict[str, Any]:
    rest = {**old}
    models: dict[str, list[dict[str, Any]]] = {}
    for times in rest.pop("times"):
        row = {**times}
        row["framework"] = row.pop("peer")
        models.setdefault(row.pop("model"), []).append(row)
    by_model = [{"model": model, "times": rows} for model, rows in models.items()]
    return rest | {"schema": 2, "precision": "fp32", "models": by_model}


def save_throughput(results: Path, record: ThroughputRecord) -> Path:
    """Write the record into its folder below ``results``.

    Raises:
        OSError: the folder cannot be written.
    """
    return save_measurement(results / record.folder, f"{record.device}-{record.precision}", record)


def load_throughput(results: Path) -> tuple[list[ThroughputRecord], list[Problem]]:
    """Load the newest record of each command, machine, device and precision, and every JSON file that is no record."""
    records, problems = [], []
    for folder in FOLDERS:
        readable, damaged = load_records(results / folder, ThroughputRecord, folder)
        records += readable
        problems += damaged
    records.sort(key=lambda record: record.started_at)
    newest = {(record.folder, record.location, record.precision): record for record in records}
    return [newest[key] for key in sorted(newest)], problems
