"""Probe of spatial structure: blocks of 14, 7, 4 and 2 pixels are shuffled, their contents kept."""

from bench.probes.shuffling import correct_ordered, correct_shuffled
from bench.probes.trained_model import TrainedModel
from bench.records.probes import ProbeOutput

SIZES = (14, 7, 4, 2)


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracy ``ordered``, and ``block_K`` for each size after training on images shuffled alike."""
    accuracies = {f"block_{size}": float(correct_shuffled(trained, size).mean()) for size in SIZES}
    return ProbeOutput({"ordered": float(correct_ordered(trained).mean())} | accuracies)
