"""Probe of spatial structure: the loss of accuracy when one permutation shuffles the pixels of all images.

A model that takes the image as a vector cannot notice it. One whose first layer is linear can be checked without
training: exchange that layer's columns in the same way, and it gives the same logits for the permuted images.
"""

import copy

import torch
from torch import nn

from bench.probes.activations import first_layer
from bench.probes.shuffling import block_order, correct_ordered, correct_shuffled, shuffle_pixels
from bench.probes.trained_model import TrainedModel
from bench.records.probes import ProbeOutput


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracies ``ordered`` and ``permuted``, and the shares of test images right in only one of the two.

    Where the first layer is linear also ``columns_gap`` (largest difference between two logits), ``columns_logit``
    (largest logit) and ``columns_answers`` (number of predicted labels that differ).
    """
    ordered, permuted = correct_ordered(trained), correct_shuffled(trained, block=1)
    numbers = {
        "ordered": float(ordered.mean()),
        "permuted": float(permuted.mean()),
        "ordered_alone": float((ordered & ~permuted).mean()),
        "permuted_alone": float((permuted & ~ordered).mean()),
    }
    return ProbeOutput(numbers | permuted_columns(trained))


def permuted_columns(trained: TrainedModel) -> dict[str, float]:
    """Permute the columns of a linear first layer and compare logits; empty where the first layer is another."""
    permuted_model = copy.deepcopy(trained.model)
    first = first_layer(permuted_model)
    if not isinstance(first, nn.Linear) or first.in_features != trained.test.images[0].size:
        return {}
    with torch.no_grad():
        first.weight.copy_(first.weight[:, torch.from_numpy(block_order(1)).to(first.weight.device)])
    ordered = trained.evaluate(trained.test.images).logits
    permuted = trained.evaluate(shuffle_pixels(trained.test.images, block=1), permuted_model).logits
    return {
        "columns_gap": (ordered - permuted).abs().max().item(),
        "columns_logit": ordered.abs().max().item(),
        "columns_answers": float((ordered.argmax(1) != permuted.argmax(1)).sum().item()),
    }
