"""Schema of a training recipe: how a model is trained, as data. A trial's record holds it in full.

Every field beyond the first five has the article's value as its default, so that a record from before it had the field
reads as what was trained then.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, field_validator

from bench.records.fields import Fraction, Name, PositiveInt, RecordPart

PRECISIONS = ("fp32", "tf32", "bf16")

LearningRate = Annotated[float, Field(gt=0)]
Argument = bool | int | float | None | tuple[int | float, ...] | str
"""What an optimizer's argument may be."""


class OptimizerSettings(RecordPart):
    """A class of ``torch.optim`` by its name in lower case, its learning rate and its further arguments."""

    optimizer: Name
    learning_rate: LearningRate
    optimizer_arguments: dict[str, Argument] = Field(default_factory=dict)

    @field_validator("optimizer", mode="before")
    @classmethod
    def _in_lower_case(cls, name: Any) -> Any:
        return name.lower() if isinstance(name, str) else name


class Augmentation(RecordPart):
    """Random changes of the training images, drawn anew for each image in each epoch, each up to a limit either way.

    ``shift`` is in pixels along both axes, whole ones; ``rotation`` in degrees; ``scale`` relative: 0.1 is from 0.9
    to 1.1. What comes into the picture is black.
    """

    shift: Annotated[int, Field(ge=0, le=14)] = 0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def __bool__(self) -> bool:
        return bool(self.shift or self.rotation or self.scale)


class Recipe(OptimizerSettings):
    """Settings of training other than the model, the data, the seed and the device.

    Args:
        epochs: passes over the training images, of which the last may be a part; the last partial batch of each is
            kept.
        precision: one of :data:`PRECISIONS`.
        pixel_mean: pixels x in [0, 255] reach the model as ``(x / 255 - pixel_mean) / pixel_std``.
        pixel_std: see there.
        others: the optimizer of all parameters but the matrices; None: the same.
        schedule: shape of the learning rate over the steps; see :mod:`bench.recipes.schedules`.
        warm_up: share of the steps in which the rate rises.
        label_smoothing: share of the target that all classes get alike.
        weight_averaging: decay per step of a running mean of the weights, which is the result; 0: the last weights.
    """

    batch_size: PositiveInt
    epochs: Annotated[int | float, Field(gt=0)]
    precision: Name
    pixel_mean: float = 0.5
    pixel_std: Annotated[float, Field(gt=0)] = 0.5
    others: OptimizerSettings | None = None
    schedule: Name = "constant"
    warm_up: Fraction = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_averaging: Annotated[float, Field(ge=0, lt=1)] = 0.0
    augmentation: Augmentation = Augmentation()

    @field_validator("epochs")
    @classmethod
    def _whole_as_int(cls, epochs: float) -> float:
        return int(epochs) if epochs == int(epochs) else epochs

    def steps_per_epoch(self, size: int) -> int:
        """Count the steps of an epoch over ``size`` images, the last partial batch included."""
        return math.ceil(size / self.batch_size)

    def total_steps(self, size: int) -> int:
        """Count the steps of a training on ``size`` images, of which there is at least one."""
        return max(1, round(self.epochs * self.steps_per_epoch(size)))

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def changed(self, **changes: Any) -> Self:
        """Copy with other values, validated.

        Raises:
            pydantic.ValidationError: a value is out of range.
        """
        return self.model_validate(self.model_dump() | changes)

    @property
    def additions(self) -> dict[str, Any]:
        """Settings beyond those that every record has had, as far as they are not the article's."""
        defaults = article_values()
        return {name: value for name in defaults if (value := getattr(self, name)) != defaults[name]}

    @property
    def details(self) -> str:
        """The additions in words: ``momentum 0.9, one_cycle schedule, warm_up 0.3, shift 2``."""
        return ", ".join(f"{name} {value}" for name, value in _flat(self.additions))


@functools.cache
def article_values() -> Mapping[str, Any]:
    """The article's values of the settings that earlier records lack."""
    fields = {name: field for name, field in Recipe.model_fields.items() if not field.is_required()}
    return {name: field.get_default(call_default_factory=True) for name, field in fields.items()}


def _flat(values: dict[str, Any], inside: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over settings, those of a part under their own names."""
    for name, value in values.items():
        if isinstance(value, OptimizerSettings):
            yield "other parameters by", f"{value.optimizer} {value.learning_rate}"
            yield from _flat(value.optimizer_arguments, "theirs ")
        elif isinstance(value, Augmentation):
            yield from _flat({key: limit for key, limit in value.model_dump().items() if limit})
        elif isinstance(value, dict):
            yield from _flat(value)
        else:
            yield f"{inside}{name}", value
