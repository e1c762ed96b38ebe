"""The estimated time that is left."""

from collections.abc import Sequence

from bench.records.schema import Epoch, Trial


class Eta:
    """Seconds left, from the epochs seen so far of each model, where ``at_once`` trials run side by side."""

    def __init__(self, todo: Sequence[Trial], at_once: int = 1) -> None:
        self._at_once = at_once
        self._left: dict[str, int] = {}
        self._seen: dict[str, list[float]] = {}
        for trial in todo:
            self._left[trial.model] = self._left.get(trial.model, 0) + trial.epochs

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        self._left[trial.model] -= 1
        self._seen.setdefault(trial.model, []).append(epoch.train_s + epoch.eval_s)

    def trial_ended(self, trial: Trial, epochs_done: int) -> None:
        """Take off the epochs that a failed trial will not run."""
        self._left[trial.model] -= trial.epochs - epochs_done

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        """Add the epochs that will be run once more."""
        self._left[trial.model] += epochs_lost

    @property
    def seconds(self) -> float:
        """The seconds that the models seen so far still need."""
        seen = {model: left for model, left in self._left.items() if model in self._seen}
        return sum(left * _mean(self._seen[model]) for model, left in seen.items()) / self._at_once

    def __str__(self) -> str:
        """``ETA 45 s``, ``ETA 7 min``; ``ETA > 45 s`` while a model waits that has not been seen yet."""
        unseen = any(left and model not in self._seen for model, left in self._left.items())
        time_left = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.0f} min"
        return f"ETA {'> ' if unseen else ''}{time_left}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
