"""Count a model's floating-point operations with torch, 2 per multiply-add."""

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2  # one image would hide a model that mixes them

UNCOUNTED = (
    "rnn", "lstm", "gru", "fft", "attention", "transformer", "_trilinear", "cdist", "linalg", "mv", "dot",
    "sparse", "_mm", "embedding_bag",
)  # fmt: skip
"""Parts of the names of operations that cost as much as products of matrices and that torch's counter may not know."""


class UncountedError(Exception):
    """The operations cannot be counted, or not all of them; the message says why."""


def train_flops_per_image(model: nn.Module) -> int:
    """Count the FLOPs of forward and backward pass per image.

    Element-wise work, pooling and the optimizer are not counted.

    Raises:
        UncountedError: torch cannot count them all.
    """
    return _count(model, training=True)


def infer_flops_per_image(model: nn.Module) -> int:
    """Count the FLOPs of the forward pass alone per image.

    Raises:
        UncountedError: torch cannot count them all.
    """
    return _count(model, training=False)


def counted(count: Callable[[nn.Module], int], model: nn.Module) -> int | None:
    """Count with one of the functions above; None where that cannot be done."""
    try:
        return count(model)
    except UncountedError:
        return None


def _count(model: nn.Module, training: bool) -> int:
    try:
        cpu_model = copy.deepcopy(model).cpu().train(training)
        with FlopCounterMode(display=False) as counter, _Uncounted(counter) as others, torch.set_grad_enabled(training):
            outputs = cpu_model(torch.zeros(BATCH, 1, 28, 28))
            if training:
                F.cross_entropy(outputs, torch.zeros(BATCH, dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # a model may do anything, and so may a counter that meets it
        raise UncountedError(f"{type(error).__name__}: {error}") from error
    if others.names:
        raise UncountedError(f"torch does not count {', '.join(sorted(others.names))}")
    return int(counter.get_total_flops()) // BATCH


class _Uncounted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the costly operations that a counter has no formula for."""

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._formulas = counter.flop_registry
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if func.overloadpacket not in self._formulas and any(part in name for part in UNCOUNTED):
            self.names.add(name)
        return func(*args, **(kwargs or {}))
