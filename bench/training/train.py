"""The training harness: trains one model by one recipe from one seed on one device. It knows no model by name.

Warm-up decides how steps are taken; it learns nothing. The training loop never reads a value back from the device: the
loss is summed there and read once an epoch.
"""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from bench.common.errors import UserError
from bench.recipes.recipe import Recipe
from bench.records.schema import Epoch, Execution
from bench.training.epoch_loop import prepare_epochs, steps_of_epochs
from bench.training.evaluate import Evaluation, default_batch_size, evaluate
from bench.training.model import state
from bench.training.model.seeds import seed_generators, seed_streams
from bench.training.pipeline import DeviceData, epoch_order
from bench.training.timing import Clocks
from bench.training.train_step import Duplicate, EagerStep


class DivergedError(Exception):
    """Training diverged: the training loss or the test loss of an epoch is not a finite number."""


@dataclass(frozen=True)
class History:
    """History of a training run: one entry per epoch, the evaluation after the last, and the execution of the steps.

    ``pure``: the forward pass is proved to do nothing but compute. ``initial`` is the model before training, by hashes.
    ``changed_by_training`` names what training changed
    beside the model's tensors, ``changed_by_evaluation`` what evaluation changed, ``untrained`` the parameters that the
    optimizer never had.
    """

    epochs: list[Epoch]
    final: Evaluation
    execution: Execution
    pure: bool
    initial: state.Snapshot
    changed_by_training: list[str]
    changed_by_evaluation: list[str]
    untrained: list[str]


def train(
    model: nn.Module,
    recipe: Recipe,
    train_data: DeviceData,
    test_data: DeviceData,
    seed: int,
    clocks: Clocks,
    duplicate: Duplicate,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> History:
    """Train ``model`` in place for ``recipe.epochs`` epochs, evaluating after each and after what is left of one.

    Args:
        model: on the device of the data, in its initial state.
        clocks: gets ``warmup``, ``train`` and ``eval``.
        duplicate: makes the model anew, in its initial state, for whatever must not touch ``model``.
        on_epoch: called after each epoch, outside the clocks.

    Raises:
        DivergedError: a loss is not finite. The epoch in which it happened has been passed to ``on_epoch``.
        UserError: a copy of the model shares its tensors.
    """
    before = state.snapshot(model)
    with clocks.measure("warmup"):
        prepared = prepare_epochs(model, recipe, train_data, duplicate, seed)
        if prepared.pure:
            evaluate(duplicate(), train_data.part(0, default_batch_size(train_data.labels.device)), recipe)
    _check_untouched(before, model)
    seed_generators(seed)  # warm-up may have drawn from them (dropout)
    order_generator = torch.Generator().manual_seed(seed_streams(seed).order)
    order = epoch_order(len(train_data), order_generator)
    epochs, changed_by_evaluation = [], set[str]()
    for number, steps in enumerate(steps_of_epochs(recipe, len(train_data)), 1):
        with clocks.measure("train") as training:
            loss_sum = prepared.run(order, steps)
            order = epoch_order(len(train_data), order_generator)  # the next, drawn while a GPU is still at work
        trained = state.snapshot(model)
        average = prepared.step.average
        with clocks.measure("eval") as evaluating, average.applied() if average else contextlib.nullcontext():
            evaluation = evaluate(model, test_data, recipe)
        changed_by_evaluation.update(state.changed(trained, state.snapshot(model)))
        train_loss = loss_sum.item() / min(len(train_data), steps * recipe.batch_size)
        epoch = Epoch(
            epoch=number,
            train_s=training.seconds,
            eval_s=evaluating.seconds,
            train_loss=_finite_or_none(train_loss),
            test_loss=_finite_or_none(evaluation.loss),
            test_accuracy=evaluation.accuracy,
        )
        epochs.append(epoch)
        on_epoch(epoch)
        if epoch.train_loss is None or epoch.test_loss is None:
            raise DivergedError(f"epoch {number}: training loss {train_loss}, test loss {evaluation.loss}")
    if average:
        average.apply()
    eager = prepared.step if isinstance(prepared.step, EagerStep) else None
    return History(
        epochs=epochs,
        final=evaluation,
        execution=prepared.execution.model_copy(update={"left_out": eager.left_out if eager else {}}),
        pure=prepared.pure,
        initial=before,
        changed_by_training=[name for name in state.changed(before, trained) if name not in state.tensors(model)],
        changed_by_evaluation=sorted(changed_by_evaluation),
        untrained=eager.untrained() if eager else [],
    )


def _check_untouched(before: state.Snapshot, model: nn.Module) -> None:
    """Check that warm-up on copies has not reached the model itself.

    Raises:
        UserError: it has, so every trial in this process would begin where the one before ended.
    """
    if touched := state.changed(before, state.snapshot(model)):
        raise UserError(
            f"two models made for the same seed share {state.in_words(touched)}: the function that makes the model "
            "must make all its layers and tensors anew at each call"
        )


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
