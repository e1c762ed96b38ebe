"""The condition of a run: the settings that runs must share to be compared in one table."""

from dataclasses import dataclass

from bench.records.fields import digest
from bench.records.schema import Run


@dataclass(frozen=True, order=True)
class Condition:
    """The settings two runs must share to be compared in one table; ``data`` is a digest of the files' hashes.

    In an arm each model has settings of its own, and they are none of the condition's: zero or empty. ``details`` are
    those of a recipe beside the others, in words.
    """

    dataset: str
    recipe: str
    epochs: float
    batch_size: int
    optimizer: str
    learning_rate: float
    precision: str
    train_size: int
    pixel_order: str
    data: str
    details: str = ""
    arm: str | None = None

    @property
    def title(self) -> str:
        """The condition in words: ``mnist (60,000 images), article recipe, 10 epochs, batch 128, adam 0.001, fp32``."""
        images = f"{self.dataset} ({self.train_size:,} images)"
        if self.arm:
            parts = [images, f"{self.arm} recipes, each model's own", self.precision]
        else:
            parts = [
                images,
                f"{self.recipe} recipe",
                f"{self.epochs:g} epoch{'' if self.epochs == 1 else 's'}",
                f"batch {self.batch_size}",
                f"{self.optimizer} {self.learning_rate:g}",
                self.precision,
                *([self.details] if self.details else []),
            ]
        return ", ".join(parts if self.pixel_order == "identity" else [*parts, f"pixels {self.pixel_order}"])

    @property
    def slug(self) -> str:
        """Name for files: readable first, then four digits that tell it from every other condition."""
        identity = {name: value for name, value in vars(self).items() if value or name not in ("details", "arm")}
        length = "" if self.arm else f"-{self.epochs:g}ep"
        return f"{self.dataset}-{self.recipe}{length}-{digest(identity)[:4]}"


def condition_of(run: Run) -> Condition:
    """Condition of a run: what its numbers depend on besides model, seed, machine and code."""
    fields = Condition.__dataclass_fields__.keys() - {"data"}
    values = {name: getattr(run.trial, name) for name in fields}
    if run.trial.arm:
        values |= {"epochs": 0, "batch_size": 0, "optimizer": "", "learning_rate": 0.0, "details": ""}
    return Condition(**values, data=digest(run.data.sha256))
