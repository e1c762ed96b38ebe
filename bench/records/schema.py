"""The record of one training run: its schema, its validation, its identity.

A record is one JSON file, written once and atomically, never edited. Fractions lie in [0, 1], times are seconds,
sizes are bytes, times of day are UTC; the unit stands in the name. Values that were not finite are null, and the
status says why.

Schema history:
    1  first version
    2  surroundings: other programs' share of the CPU, the GPU's state before and after
    3  execution: how the training steps were carried out
    4  execution may be cuda_graph
    5  flags; what was left out, and why; FLOPs may be missing
    6  the machine's system
    7  the trial's recipe in full, and the arm it belongs to; epochs may be a fraction
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field, model_validator

from bench.records.fields import (
    Count,
    Environment,
    FileName,
    Fraction,
    Name,
    PositiveInt,
    Reason,
    RecordPart,
    Seconds,
    Sha256,
    Status,
    digest,
)
from bench.records.machines import Machine, disambiguated
from bench.records.recipe import Recipe, article_values
from bench.records.surroundings import Surroundings


class DatedRecord(RecordPart):
    """A record with the time at which it was begun and the machine."""

    started_at: AwareDatetime
    machine: Machine

    @property
    def moment(self) -> str:
        """Time at which it began, for file names."""
        return stamp(self.started_at)


R = TypeVar("R", bound=DatedRecord)


def disambiguate(records: Sequence[R]) -> list[R]:
    """Return the records with a longer label in place of one that several of their systems share."""
    machines = disambiguated(record.machine for record in records)
    return [
        record
        if machines[record.machine] is record.machine
        else record.model_copy(update={"machine": machines[record.machine]})
        for record in records
    ]


class ModelInfo(RecordPart):
    """The model as it was trained.

    ``train_flops_per_image`` counts 2 per multiply-add, forward and backward; null where torch cannot count them.
    """

    name: Name
    parameters: Count
    train_flops_per_image: Count | None
    source_sha256: Sha256


class Trial(Recipe):
    """Description of a training run: everything a worker needs, and nothing about the machine it runs on.

    ``recipe`` is the recipe's name, and the inherited fields are the recipe itself. ``arm`` is set where each model has
    a recipe of its own: the name of the set that they belong to. Where training images are held out, evaluation is on
    those, and the test images are not loaded.
    """

    suite: Name
    model: Name
    recipe: Name
    arm: Name | None = None
    dataset: Name
    seed: Count
    device: Name
    threads: PositiveInt
    train_size: PositiveInt
    pixel_order: Annotated[str, Field(pattern=r"^(identity|permuted-\d+|blocks-\d+)$")] = "identity"
    held_out: Count = 0

    def identity(self, *left_out: str) -> dict[str, Any]:
        """All of the trial but the fields named; what earlier records lack is there only where it says something."""
        optional = set(article_values())
        unset = {name for name in ("arm", "held_out") if not getattr(self, name)}
        return self.model_dump(exclude={*left_out, *(optional - set(self.additions)), *unset})

    @property
    def passes(self) -> float:
        """Passes over the training images that its whole steps make: ``epochs``, rounded to those."""
        return self.total_steps(self.train_size) / self.steps_per_epoch(self.train_size)

    @property
    def epoch_count(self) -> int:
        """Number of epochs that are evaluated, of which the last may be a part."""
        return math.ceil(self.passes)


class Epoch(RecordPart):
    """Times, losses and accuracy of one epoch; ``train_s`` is training alone, without evaluation."""

    epoch: PositiveInt
    train_s: Seconds
    eval_s: Seconds
    train_loss: Annotated[float, Field(ge=0)] | None
    test_loss: Annotated[float, Field(ge=0)] | None
    test_accuracy: Fraction


class Result(RecordPart):
    """Result after the last epoch; ``train_images_per_s`` is over all epochs' training time."""

    test_accuracy: Fraction
    test_loss: Annotated[float, Field(ge=0)]
    test_size: PositiveInt
    train_images_per_s: Annotated[float, Field(gt=0)]


class Clock(RecordPart):
    """Seconds of each part of the trial; ``startup_s`` (process start, imports) is 0 in a worker already warm."""

    startup_s: Seconds
    setup_s: Seconds
    warmup_s: Seconds
    train_s: Seconds
    eval_s: Seconds
    total_s: Seconds


class Execution(RecordPart):
    """Execution of the training steps; ``reason`` says why they were ``eager``.

    ``captured``: traced and replayed on a CPU. ``cuda_graph``: recorded and replayed on a GPU. ``left_out`` names the
    other optional parts that this model did without, each with the reason: ``channels_last``, ``fused_optimizer``,
    ``flops``, ``weights``, ``checks``.
    """

    mode: Literal["eager", "captured", "cuda_graph"]
    reason: Reason = ""
    left_out: dict[Name, Reason] = Field(default_factory=dict)


class Flag(RecordPart):
    """A reason to read a run's numbers with care, found after training; ``note`` is a plain sentence.

    ``no_logits``: the outputs are not logits. ``answers_differ``: the same images get other outputs at the next call.
    ``batch_matters``: an image's output depends on the others in its batch. ``evaluation_changes``: evaluation changed
    the model. ``not_in_weights``: the stored weights are not the whole model. ``not_trained``: parameters that the
    optimizer never had. ``not_repeatable``: the seed does not settle how the model begins.
    """

    name: Literal[
        "no_logits",
        "answers_differ",
        "batch_matters",
        "evaluation_changes",
        "not_in_weights",
        "not_trained",
        "not_repeatable",
    ]
    note: Annotated[str, Field(max_length=300)]


class Memory(RecordPart):
    """Peak memory of the worker process and, on a GPU, of its allocator."""

    process_peak_bytes: Count
    device_peak_bytes: Count | None = None


class Git(RecordPart):
    """The commit of the code that ran; ``dirty`` means uncommitted changes outside results/."""

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    dirty: bool | None


class Data(RecordPart):
    """SHA-256 of each file of the data set."""

    sha256: dict[Name, Sha256]


class Artifacts(RecordPart):
    """File names beside the record. ``predictions`` is committed; ``weights`` may be gone in a clone.

    ``source`` is the file of a model that lies neither in ``models`` nor in an installed package.
    """

    predictions: FileName
    weights: FileName
    source: FileName | None = None


class Measurement(DatedRecord):
    """Record of a measurement other than training, on one machine, with its conditions and duration."""

    device: Name
    threads: PositiveInt
    seconds: Seconds
    git: Git
    environment: Environment
    surroundings: Surroundings

    @property
    def location(self) -> str:
        """Machine and device, as in all tables."""
        return f"{self.machine.label} ({self.device})"


class Run(DatedRecord):
    """Record of one trial."""

    schema_version: Literal[1, 2, 3, 4, 5, 6, 7] = Field(default=7, alias="schema")
    trial_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    status: Status
    error: Annotated[str, Field(max_length=500)] | None = None
    finished_at: AwareDatetime
    model: ModelInfo | None = None
    trial: Trial
    epochs: list[Epoch]
    result: Result | None = None
    execution: Execution | None = None
    flags: list[Flag] = Field(default_factory=list)
    clock: Clock | None = None
    memory: Memory | None = None
    environment: Environment
    surroundings: Surroundings | None = None
    git: Git
    data: Data
    artifacts: Artifacts | None = None

    @model_validator(mode="after")
    def _status_matches_content(self) -> Self:
        if self.status == "done":
            missing = [part for part in ("model", "result", "clock", "artifacts") if getattr(self, part) is None]
            if missing:
                raise ValueError(f"a done run needs {', '.join(missing)}")
            if len(self.epochs) != self.trial.epoch_count:
                raise ValueError(f"a done run of {self.trial.epochs} epochs lists {len(self.epochs)}")
        elif self.error is None:
            raise ValueError(f"a run that is {self.status} needs its error")
        return self

    @property
    def stem(self) -> str:
        """The record's file name without its ending."""
        return run_stem(self.trial, self.key, self.started_at)


def trial_id(trial: Trial, data: Data) -> str:
    """Identify a trial: 16 hex digits of the trial without its suite and threads, and of the data's hashes.

    Fields that earlier records lack are left out at their defaults, so that what is the same keeps its identity.
    """
    return digest({"trial": trial.identity("suite", "threads"), "data": data.sha256})


def run_stem(trial: Trial, key: str, started_at: datetime) -> str:
    """File name of a run without its ending: readable first, then what makes it unique."""
    return f"{trial.model}-{trial.recipe}-seed{trial.seed}-{key[:8]}-{stamp(started_at)}"


def stamp(moment: datetime) -> str:
    """Format a time to the millisecond for file names."""
    return moment.strftime("%Y%m%dT%H%M%S%f")[:-3]


def artifact_names(stem: str, with_source: bool = False) -> Artifacts:
    """Names of the files that belong to the record with that stem."""
    source = f"{stem}.py" if with_source else None
    return Artifacts(predictions=f"{stem}.npz", weights=f"{stem}.safetensors", source=source)
