"""Time training steps apart from any trial: the rounds in turn from which speeds are told."""

from pathlib import Path

import torch

from bench.records.schema import Trial
from bench.records.timing import Round
from bench.training.epoch_loop import prepare_epochs
from bench.training.model.seeds import seed_streams
from bench.training.pipeline import epoch_order
from bench.training.timing import Clocks
from bench.training.trial import load, settle

CHUNK_S = 0.02
"""Seconds of steps between two looks at the clock, about: so that a round neither ends early nor takes many times its
length where the machine is faster, or slower, than when the timer was made."""


class StepTimer:
    """The training steps of a trial's model, prepared as the trial prepares them.

    Every round goes on with the model and the data where the last one left them, in batches of full size.
    """

    def __init__(self, trial: Trial, data_dir: Path) -> None:
        """Load the data, build the model and warm it up.

        Raises:
            UserError: the data cannot be read, or the device cannot do it.
        """
        self._device, recipe = settle(trial)
        data = load(trial, data_dir, self._device)
        self._run_epoch = prepare_epochs(data.build(), recipe, data.train, data.build, trial.seed).run
        self._batch_size = min(recipe.batch_size, len(data.train))
        self._order = epoch_order(len(data.train), torch.Generator().manual_seed(seed_streams(trial.seed).order))
        most = len(data.train) // self._batch_size
        self._steps = max(1, min(most, round(CHUNK_S / min(self._seconds(1) for _ in range(3)))))

    def time(self, seconds: float) -> Round:
        """Take steps for ``seconds`` at least."""
        images, total = 0, 0.0
        while total < seconds or not images:
            total += self._seconds(self._steps)
            images += self._steps * self._batch_size
        return Round(images=images, seconds=total)

    def _seconds(self, steps: int) -> float:
        """Time steps on the next images in the order."""
        self._order = self._order.roll(-steps * self._batch_size)
        with Clocks(self._device).measure("train") as lap:
            self._run_epoch(self._order, steps)
        return lap.seconds
