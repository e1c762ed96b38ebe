"""Build the trained model of a run anew from its stored weights, and check that it answers as the trained one did.

Wiring drawn when a model is made, statistics in plain attributes, globals: what is not in the state dict is not in the
stored weights, and a probe of the model without it would measure something else.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from bench.common.errors import UserError, one_line
from bench.recipes.recipe import Recipe
from bench.records.storage import Predictions
from bench.training.evaluate import default_batch_size, evaluate
from bench.training.model.weights import WeightsMisfitError
from bench.training.model.weights import load_weights as load_tensors
from bench.training.pipeline import DeviceData

REMEDY = "remove the file and the model is trained again"
SAMPLE = 500
"""Number of test images, the first, whose labels are compared at least."""
CONFIDENCE = 0.01
"""Largest difference of an example's confidence."""
ROUNDING = 1e-3
"""Relative to an image's largest logit: how close two labels are that another machine's rounding may exchange."""


def load_weights(path: Path, model: nn.Module, train_images: torch.Tensor, recipe: Recipe) -> None:
    """Load the weights in ``path`` into ``model``.

    Args:
        train_images: uint8 ``(N, 1, 28, 28)``, for a model that builds layers or buffers at its first batch.

    Raises:
        UserError: they cannot be read, or are those of another architecture.
    """
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"the weights {path.name} are damaged ({one_line(str(error))}); {REMEDY}") from error
    try:
        load_tensors(weights, model, train_images, recipe)
    except WeightsMisfitError as error:
        raise UserError(f"the weights {path.name} are those of another architecture; {REMEDY}") from error


def check_answers(
    model: nn.Module, answers: Predictions, test: DeviceData, recipe: Recipe, doubts: Sequence[str] = ()
) -> None:
    """Check that a model built anew gives the stored answers of the trained one.

    Batches are those of the evaluation after training, so on the same machine the answers are the same to the bit.

    Args:
        test: all test images.
        doubts: what the run's own checks say against it.

    Raises:
        UserError: it gives others, or there are doubts.
    """
    index = _sample(answers, default_batch_size(test.labels.device))
    sample = test.reordered(torch.from_numpy(index).to(test.labels.device))
    logits = evaluate(model, sample, recipe).logits.cpu()
    if difference := _label_difference(logits, answers, index) or _confidence_difference(logits, answers, index):
        notes = f" ({'; '.join(doubts)})" if doubts else ""
        raise UserError(
            f"the rebuilt model {difference}: something that shapes its answers is not in its stored weights{notes}; "
            "in a parameter or a buffer it would be"
        )
    if doubts:
        raise UserError(f"a probe would not measure what was trained: {'; '.join(doubts)}")


def _sample(answers: Predictions, batch_size: int) -> np.ndarray:
    """Choose the first images and the examples, and all that are in a batch with one of them: int64, in order."""
    size = len(answers.predicted)
    wanted = np.concatenate([np.arange(min(SAMPLE, size)), answers.example_index])
    return np.flatnonzero(np.isin(np.arange(size) // batch_size, wanted // batch_size))


def _label_difference(logits: torch.Tensor, answers: Predictions, index: np.ndarray) -> str:
    stored = torch.from_numpy(answers.predicted[index]).long()
    known = stored < logits.shape[1]
    behind = logits.amax(dim=1) - logits.gather(1, (stored * known).unsqueeze(1)).squeeze(1)
    same = known & (behind <= ROUNDING * logits.abs().amax(dim=1))  # false too where it is not a number
    return "" if same.all() else f"gives another label for {int((~same).sum())} of {len(index)} images"


def _confidence_difference(logits: torch.Tensor, answers: Predictions, index: np.ndarray) -> str:
    confidence = logits.softmax(dim=1).amax(dim=1).numpy()[np.searchsorted(index, answers.example_index)]
    same = np.abs(confidence - answers.example_confidence) <= CONFIDENCE
    return "" if same.all() else f"is surer or less sure of {int((~same).sum())} of {len(same)} examples"
