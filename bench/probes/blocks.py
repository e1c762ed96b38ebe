"""How much disorder costs how much: blocks of 14, 7, 4 and 2 pixels change places, their contents kept."""

from bench.probes.shuffling import right_in_order, right_scrambled
from bench.probes.trained_model import Trained
from bench.records.probes import Findings

SIZES = (14, 7, 4, 2)


def measure(trained: Trained) -> Findings:
    """Test accuracy ``ordered``, and ``block_K`` for each size, the model trained anew on images scrambled alike."""
    accuracies = {f"block_{size}": float(right_scrambled(trained, size).mean()) for size in SIZES}
    return Findings({"ordered": float(right_in_order(trained).mean())} | accuracies)
