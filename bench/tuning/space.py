"""The space that recipes are drawn from, the same for every model of an arm. The architecture is not searched."""

from dataclasses import asdict, dataclass

import optuna

from bench.records.fields import digest
from bench.records.recipe import Recipe

Range = tuple[float, float]

MOST_TRIALS = 10_000
LARGEST_SEED = 400_000
"""With that many trials each, seeds are those of numpy's generator, of 32 bits."""


@dataclass(frozen=True)
class Space:
    """Ranges of a recipe's settings: uniform, or log-uniform where the name says ``log``.

    Args:
        epochs: whole ones, or log-uniform fractions where ``parts`` is set.
        log_learning_rate: by optimizer.
        distort: rotation and scale are drawn too, for half of the recipes.
    """

    name: str
    epochs: Range
    parts: bool = False
    log_learning_rate: tuple[tuple[str, Range], ...] = (
        ("adam", (1e-4, 1e-2)),
        ("adamw", (1e-4, 1e-2)),
        ("sgd", (1e-2, 3e-1)),
        ("muon", (1e-3, 1e-1)),
    )
    others_log_learning_rate: Range = (1e-4, 1e-2)
    momentum: Range = (0.8, 0.99)
    log_weight_decay: Range = (1e-6, 1e-1)
    batch_sizes: tuple[int, ...] = (64, 128, 256, 512, 1024)
    schedules: tuple[str, ...] = ("constant", "linear", "cosine", "one_cycle")
    warm_up: Range = (0.0, 0.3)
    label_smoothing: Range = (0.0, 0.2)
    weight_averaging: tuple[float, ...] = (0.0, 0.99, 0.998)
    shift: int = 3
    distort: bool = True
    rotation: float = 15.0
    scale: float = 0.15

    @property
    def id(self) -> str:
        """Identity of the ranges: 16 hex digits."""
        return digest(asdict(self))

    def draw(self, seed: int, number: int) -> Recipe:
        """Draw the recipe of that number: the same whenever it is drawn, and independent of all others."""
        sampler = optuna.samplers.RandomSampler(seed=seed * MOST_TRIALS + number)
        trial = optuna.create_study(sampler=sampler).ask()
        optimizer = trial.suggest_categorical("optimizer", [name for name, _ in self.log_learning_rate])
        low, high = dict(self.log_learning_rate)[optimizer]
        decay = trial.suggest_float("weight_decay", *self.log_weight_decay, log=True)
        arguments: dict[str, float] = {"weight_decay": decay}
        others = None
        if optimizer in ("sgd", "muon"):
            arguments |= {"momentum": trial.suggest_float("momentum", *self.momentum), "nesterov": True}
        if optimizer == "muon":
            rate = trial.suggest_float("others_learning_rate", *self.others_log_learning_rate, log=True)
            others = {"optimizer": "adamw", "learning_rate": rate}
        settings = {
            "optimizer": optimizer,
            "learning_rate": trial.suggest_float("learning_rate", low, high, log=True),
            "optimizer_arguments": arguments,
            "others": others,
            "batch_size": trial.suggest_categorical("batch_size", self.batch_sizes),
            "epochs": self._epochs(trial),
            "precision": "fp32",
            "schedule": trial.suggest_categorical("schedule", self.schedules),
            "warm_up": trial.suggest_float("warm_up", *self.warm_up),
            "label_smoothing": trial.suggest_float("label_smoothing", *self.label_smoothing),
            "weight_averaging": trial.suggest_categorical("weight_averaging", self.weight_averaging),
            "augmentation": self._augmentation(trial),
        }
        return Recipe.model_validate(_rounded(settings))

    def _epochs(self, trial: optuna.Trial) -> float:
        low, high = self.epochs
        if self.parts:
            return trial.suggest_float("epochs", low, high, log=True)
        return trial.suggest_int("epochs", int(low), int(high))

    def _augmentation(self, trial: optuna.Trial) -> dict[str, float]:
        drawn: dict[str, float] = {"shift": trial.suggest_int("shift", 0, self.shift)}
        if self.distort and trial.suggest_categorical("distort", [False, True]):
            drawn |= {"rotation": trial.suggest_float("rotation", 0.0, self.rotation)}
            drawn |= {"scale": trial.suggest_float("scale", 0.0, self.scale)}
        return drawn


BEST = Space("best", epochs=(2, 12))
"""Each model at its best: as many as twelve epochs, which for a CNN over ten seeds is what two cores can carry."""
SPRINT = Space("sprint", epochs=(0.5, 6.0), parts=True, distort=False)
"""The soonest to a stated accuracy; rotated and scaled images take longer to make than a small model takes to learn."""

SPACES = {space.name: space for space in (BEST, SPRINT)}


def _rounded(value: object) -> object:
    """Round drawn numbers to three significant digits: recipes are read by people, and no more matters."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return float(f"{value:.3g}") if isinstance(value, float) else value
