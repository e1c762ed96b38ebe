"""Probe of spatial structure: the loss of accuracy when one permutation shuffles the pixels of all images.

A model that takes the image as a vector cannot notice it. One that sees the image through a first linear layer alone
can be checked without training: exchange that layer's columns in the same way, and it gives the same logits for the
permuted images. Whether it does see it so is measured on the model too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from bench.probes.activations import forward_pass
from bench.probes.shuffling import block_order, correct_ordered, correct_shuffled, shuffle_pixels
from bench.probes.trained_model import TrainedModel
from bench.records.probes import ProbeOutput

HELD = 1_000
"""Number of images on which the rest of the model is looked at."""


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracies ``ordered`` and ``permuted``, and the shares of test images right in only one of the two.

    Where the image is seen through a first linear layer alone also ``columns_gap`` (largest difference between two
    logits), ``columns_logit`` (largest logit) and ``columns_answers`` (number of predicted labels that differ); else
    the note ``columns`` says why not.
    """
    ordered, permuted = correct_ordered(trained), correct_shuffled(trained, block=1)
    numbers = {
        "ordered": float(ordered.mean()),
        "permuted": float(permuted.mean()),
        "ordered_alone": float((ordered & ~permuted).mean()),
        "permuted_alone": float((permuted & ~ordered).mean()),
    }
    try:
        return ProbeOutput(numbers | permuted_columns(trained))
    except DoesNotApplyError as reason:
        return ProbeOutput(numbers, {"columns": str(reason)})


class DoesNotApplyError(Exception):
    """The model sees the image otherwise than through a first linear layer alone; the message says how."""


def permuted_columns(trained: TrainedModel) -> dict[str, float]:
    """Permute the columns of the first layer and compare logits; the layer's weights are put back.

    Raises:
        DoesNotApplyError: that need not give the same logits.
    """
    first = _only_layer_of_pixels(trained)
    ordered = trained.evaluate(trained.test.images).logits
    with _columns_permuted(first):
        permuted = trained.evaluate(shuffle_pixels(trained.test.images, block=1)).logits
    return {
        "columns_gap": (ordered - permuted).abs().max().item(),
        "columns_logit": ordered.abs().max().item(),
        "columns_answers": float((ordered.argmax(1) != permuted.argmax(1)).sum().item()),
    }


def _only_layer_of_pixels(trained: TrainedModel) -> nn.Linear:
    followed = forward_pass(trained.model, trained.test.images, trained.recipe, trained.device)
    if not followed.calls or not isinstance(followed.calls[0].layer, nn.Linear):
        kind = f"it is {type(followed.calls[0].layer).__name__}" if followed.calls else "no layer is called"
        raise DoesNotApplyError(f"its first layer is not linear: {kind}")
    first = followed.calls[0].layer
    if sum(call.layer is first for call in followed.calls) > 1:
        raise DoesNotApplyError("its first layer is called several times")
    if not followed.takes_pixels(followed.calls[0]):
        raise DoesNotApplyError("its first layer is given something else than the pixels in order")
    if not _is_ordinary(first):
        raise DoesNotApplyError("its first layer computes its weights, or does more than to multiply with them")
    _check_rest(trained, first)
    return first


def _is_ordinary(layer: nn.Linear) -> bool:
    """Tell whether a layer is torch's own, with weights that are a parameter as it stands."""
    return (
        type(layer).forward is nn.Linear.forward
        and "forward" not in vars(layer)
        and not parametrize.is_parametrized(layer)
        and not (layer._forward_hooks or layer._forward_pre_hooks)
        and type(layer._parameters.get("weight")) is nn.Parameter
        and layer.weight.is_leaf
    )


def _check_rest(trained: TrainedModel, first: nn.Linear) -> None:
    """Check that nothing but the output of ``first`` carries the image on, and that its weights are used in it alone.

    Raises:
        DoesNotApplyError: with that output held fast, other images or other weights give other logits.
    """
    images = trained.test.images[:HELD]
    outputs: list[torch.Tensor] = []
    with _hooked(first, lambda _, __, output: outputs.append(output.clone())):
        logits = trained.evaluate(images).logits

    def same(others: np.ndarray) -> bool:
        held = (output.clone() for output in outputs)  # the model may work on it in place
        with _hooked(first, lambda *_: next(held, None)):
            return torch.equal(logits, trained.evaluate(others).logits)

    if not same(np.roll(images, 1, axis=0)):
        raise DoesNotApplyError("something beside its first layer reads the image")
    with _columns_permuted(first):
        if not same(images):
            raise DoesNotApplyError("the weights of its first layer are used elsewhere too")


@contextmanager
def _hooked(layer: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _columns_permuted(layer: nn.Linear) -> Iterator[None]:
    """Exchange the columns of the layer's weights like the pixels inside, in place: a copy may not be the model."""
    weight = layer.weight.detach()
    kept = weight.clone()
    weight.copy_(kept[:, torch.from_numpy(block_order(1)).to(kept.device)])
    try:
        yield
    finally:
        weight.copy_(kept)
