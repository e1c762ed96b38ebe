"""The record of one trial of a tuning study: a recipe that was drawn, and how it did on held-out images.

Written once and atomically, as soon as the trial has ended. No test image had a part in it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bench.records.fields import Count, Environment, Fraction, Name, PositiveInt, RecordPart, Seconds
from bench.records.schema import Data, DatedRecord, Git, Trial
from bench.records.storage import Problem, load_records, save_measurement

FOLDER = "tuning"
"""Below the results folder; one folder per machine in it."""

Role = Literal["random", "halving", "final"]
"""``random``: trained to its end whatever it did; ``halving``: ended early where others did better; ``final``: one of
the best, trained again from another seed."""


class TunedEpoch(RecordPart):
    """Training seconds of an epoch, and what share of the held-out images was right after it."""

    epoch: PositiveInt
    train_s: Seconds
    accuracy: Fraction


class TunedTrial(DatedRecord):
    """Record of one trial of a study.

    ``study`` stands for all that the study's draws depend on: space, seed, model, data and the images held out.
    ``accuracy`` is on the held-out images after the last epoch; null where the trial was not trained to its end.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    study: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    space: Name
    number: Count
    role: Role
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    status: Literal["done", "pruned", "diverged", "error", "timeout"]
    error: Annotated[str, Field(max_length=500)] | None = None
    trial: Trial
    epochs: list[TunedEpoch]
    accuracy: Fraction | None
    seconds: Seconds
    environment: Environment
    git: Git
    data: Data

    @property
    def train_s(self) -> float:
        """Seconds of training."""
        return sum(epoch.train_s for epoch in self.epochs)


def save_tuned(results: Path, record: TunedTrial) -> Path:
    """Write the record into its folder below ``results``.

    Raises:
        OSError: the folder cannot be written.
    """
    name = f"{record.space}-{record.trial.model}-{record.number:03d}-seed{record.trial.seed}"
    return save_measurement(results / FOLDER, name, record)


def load_tuned(results: Path) -> tuple[list[TunedTrial], list[Problem]]:
    """Load every trial of every study, oldest first, and every JSON file among them that is none."""
    return load_records(results / FOLDER, TunedTrial, FOLDER)
