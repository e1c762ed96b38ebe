"""What does the model lose when the pixels of all images change places, by one permutation, before training?

A model that takes the image as a vector has no way to notice. One whose first layer is linear can be checked without
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
    """Test accuracies ``ordered`` and ``permuted``, and the shares of test images right in one of the two alone.

    Where the first layer is linear also ``columns_gap`` (largest difference between two logits), ``columns_logit``
    (largest logit) and ``columns_answers`` (how many answers differ).
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
    """The exact test; empty where the first layer with weights is not linear in the pixels."""
    twin = copy.deepcopy(trained.model)
    first = first_layer(twin)
    if not isinstance(first, nn.Linear) or first.in_features != trained.test.images[0].size:
        return {}
    with torch.no_grad():
        first.weight.copy_(first.weight[:, torch.from_numpy(block_order(1)).to(first.weight.device)])
    plain = trained.evaluate(trained.test.images).logits
    moved = trained.evaluate(shuffle_pixels(trained.test.images, block=1), twin).logits
    return {
        "columns_gap": (plain - moved).abs().max().item(),
        "columns_logit": plain.abs().max().item(),
        "columns_answers": float((plain.argmax(1) != moved.argmax(1)).sum().item()),
    }
