"""A running mean of the weights, which is the result of recipes that ask for it.

Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging". The mean is plain until it spans
as many steps as the decay remembers, so that the initial weights soon have no part in it.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


class WeightAverage:
    """Mean of a model's parameters and floating-point buffers over its steps; other buffers stay the last ones."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        tensors = [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]
        self._tensors = [tensor for tensor in tensors if tensor.is_floating_point()]
        self._means = [tensor.clone() for tensor in self._tensors]
        self._least = 1 - decay
        self._count = torch.zeros((), device=tensors[0].device)
        self._on_gpu = tensors[0].is_cuda
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Count in the weights as they are now."""
        if not self._on_gpu:
            self._steps += 1
            torch._foreach_lerp_(self._means, self._tensors, max(self._least, 1 / self._steps))
            return
        weight = self._count.add_(1).reciprocal().clamp_(min=self._least)  # by the GPU: recorded steps count too
        for mean, tensor in zip(self._means, self._tensors, strict=True):
            mean.lerp_(tensor, weight.to(tensor.dtype))

    @torch.no_grad()
    def apply(self) -> None:
        """Make the means the model's weights."""
        for tensor, mean in zip(self._tensors, self._means, strict=True):
            tensor.copy_(mean)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Make the means the model's weights for the block."""
        before = [tensor.clone() for tensor in self._tensors]
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, value in zip(self._tensors, before, strict=True):
                    tensor.copy_(value)

    @torch.no_grad()
    def reset(self) -> None:
        """Begin anew with the weights as they are now, in the same tensors."""
        self._steps = 0
        self._count.zero_()
        for mean, tensor in zip(self._means, self._tensors, strict=True):
            mean.copy_(tensor)
