"""Check a trained model's answers: are they logits, the same at every call, and those of its weights alone?

None of it is needed for the run, so whatever fails costs only itself.
"""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Flag
from bench.training.evaluate import BATCH_SIZE, default_batch_size, evaluate
from bench.training.model import state
from bench.training.model.weights import WeightsMisfitError, load_weights, portable_weights
from bench.training.pipeline import DeviceData
from bench.training.train import History

SAMPLE = 500
"""Number of test images on which answers are asked for again."""
NOISE = 1e-3
"""Relative to the largest logit: what adding in another order may change, on a GPU."""


def find_flags(
    model: nn.Module,
    history: History,
    recipe: Recipe,
    train_data: DeviceData,
    test_data: DeviceData,
    duplicate: Callable[[], nn.Module],
) -> Iterator[Flag]:
    """Find the reasons to read a run's numbers with care.

    Args:
        model: the trained model; its parameters and buffers stay, what else it holds may change.
        duplicate: builds the model anew, untrained.
    """
    if note := _outputs_note(history.final.logits):
        yield Flag(name="no_logits", note=note)
    if other := state.changed_values(history.initial, state.snapshot(duplicate())):
        yield Flag(name="not_repeatable", note=f"the same seed gives another {_words(other)} each time")
    if history.untrained:
        yield Flag(name="not_trained", note=f"made after the first step, so not trained: {_words(history.untrained)}")
    if history.changed_by_evaluation and _depend_on_images(
        history.changed_by_evaluation, duplicate, recipe, train_data
    ):
        note = f"evaluation changes {_words(history.changed_by_evaluation)}: test images shape the model"
        yield Flag(name="evaluation_changes", note=note)
    sample = test_data.part(0, max(SAMPLE, default_batch_size(test_data.labels.device)))  # of whole batches
    expected = history.final.logits[: len(sample)]
    again = evaluate(model, sample, recipe).logits
    if differing := _differing(expected, again):
        yield Flag(name="answers_differ", note=f"answers differ from call to call: {_share(differing, sample)}")
        return  # the other checks would find the same
    if differing := _differing(expected, evaluate(model, sample, recipe, BATCH_SIZE // 5).logits):
        note = f"an image's answer depends on the others in its batch: {_share(differing, sample)}"
        yield Flag(name="batch_matters", note=note)
    if note := _rebuilt_note(model, expected, duplicate, recipe, train_data, sample, history.changed_by_training):
        yield Flag(name="not_in_weights", note=note)


def _rebuilt_note(
    model: nn.Module,
    expected: torch.Tensor,
    duplicate: Callable[[], nn.Module],
    recipe: Recipe,
    train_data: DeviceData,
    sample: DeviceData,
    changed: list[str],
) -> str:
    """Say what the stored weights lack to be the whole model; empty if a model built anew from them answers alike."""
    rebuilt = duplicate()
    try:
        load_weights(portable_weights(model), rebuilt, train_data.images, recipe)
    except WeightsMisfitError:
        return "a model built anew has other layers than the trained one: its stored weights do not fit"
    differing = _differing(expected, evaluate(rebuilt, sample, recipe).logits)
    if not differing:
        return ""
    what = f"training changed {_words(changed)}" if changed else "its construction differs from time to time"
    return f"its stored weights are not the whole model, {what}: {_share(differing, sample)} get other answers"


def _outputs_note(logits: torch.Tensor) -> str:
    """Say why outputs are not logits, by their range and their sums; empty where they may be."""
    low, high = logits.min().item(), logits.max().item()
    if low < 0:
        is_log = high <= NOISE and _is_one(logits.exp().sum(dim=1))
        return "outputs are log-probabilities, not logits: cross-entropy takes the logarithm again" if is_log else ""
    if _is_one(logits.sum(dim=1)):
        return "outputs sum to 1: they are probabilities, and cross-entropy wants logits"
    if high <= 1:
        return "outputs lie between 0 and 1: cross-entropy wants logits, of any size"
    return "no output is negative: cross-entropy wants logits, of any size"


def _is_one(sums: torch.Tensor) -> bool:
    return bool(((sums - 1).abs() < NOISE).all())


def _differing(expected: torch.Tensor, logits: torch.Tensor) -> int:
    """Count the images whose logits differ by more than the noise of a GPU."""
    tolerance = NOISE * expected.abs().max()
    return int(((expected - logits).abs().amax(dim=1) > tolerance).sum())


def _share(differing: int, sample: DeviceData) -> str:
    return f"{differing} of {len(sample)} images"


def _words(names: list[str]) -> str:
    return state.in_words([name[:60] for name in names], most=3)


def _depend_on_images(names: list[str], duplicate: Callable[[], nn.Module], recipe: Recipe, data: DeviceData) -> bool:
    """Tell whether evaluation on other images changes these in another way: a mask that is kept does no harm."""
    kept = []
    for start in (0, max(0, len(data) - BATCH_SIZE)):
        model = duplicate()
        evaluate(model, data.part(start, start + BATCH_SIZE), recipe)
        snapshot = state.snapshot(model)
        kept.append([snapshot.get(name) for name in names])
    return kept[0] != kept[1]
