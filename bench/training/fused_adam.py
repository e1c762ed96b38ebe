"""Adam and AdamW by torch's fused kernels, called directly: one count of steps for all parameters.

Source: ``torch.optim.Adam``, whose fused form it is, and Kingma and Ba, "Adam: a method for stochastic optimization".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

FUSED = ("adam", "adamw")
"""Optimizers that can be called so."""
PIECE = 16_384
"""Elements that a GPU updates together at most. Its kernel gives 65,536 to a block, so that the one large matrix of a
small model would keep a few of its processors busy; and it takes 36 tensors in one launch, so pieces are not smaller.
"""


class FusedAdam:
    """Adam on the parameters of a model, which are updated in place."""

    def __init__(
        self, parameters: Sequence[torch.Tensor], options: Mapping[str, Any], piece: int | None = None
    ) -> None:
        """Begin with averages of zero.

        Args:
            parameters: floating point, on one device, detached.
            options: a parameter group of ``torch.optim.Adam`` or ``AdamW``, whose ``lr`` is read at each step.
            piece: elements that are updated together at most; None: whole tensors.
        """
        self._rows = [_rows_of_a_piece(parameter, piece) for parameter in parameters]
        means = [torch.zeros_like(parameter) for parameter in parameters]
        squares = [torch.zeros_like(parameter) for parameter in parameters]
        self._parameters, self._means, self._squares = map(self._split, (parameters, means, squares))
        self._count = torch.zeros((), device=parameters[0].device)
        self._counts = [self._count] * len(self._parameters)
        self._group = options
        self._options = {name: options[name] for name in ("weight_decay", "eps", "amsgrad", "maximize")}
        self._options["beta1"], self._options["beta2"] = options["betas"]
        self._kernel = torch._fused_adamw_ if options["decoupled_weight_decay"] else torch._fused_adam_
        zeros = [torch.zeros_like(square) for square in self._squares]
        self._largest = zeros if options["amsgrad"] else []

    def step(self, gradients: Sequence[torch.Tensor]) -> None:
        """Update the parameters; ``gradients`` has one for each, of its shape and, where it is not cut, its layout."""
        self._count += 1
        self._kernel(
            self._parameters, self._split(gradients), self._means, self._squares, self._largest, self._counts,
            lr=self._group["lr"], **self._options,
        )  # fmt: skip

    def reset(self) -> None:
        """Reset averages and count to zero, in the same tensors."""
        for tensor in (*self._means, *self._squares, *self._largest, self._count):
            tensor.zero_()

    def _split(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Cut large matrices into views of whole rows; a gradient of another layout is copied."""
        if not any(self._rows):
            return list(tensors)
        parts: list[torch.Tensor] = []
        for tensor, rows in zip(tensors, self._rows, strict=True):
            parts += torch.split(tensor.contiguous(), rows) if rows else [tensor]
        return parts


def _rows_of_a_piece(parameter: torch.Tensor, piece: int | None) -> int:
    """Count the rows that make a piece of a matrix; 0 for what is not cut."""
    if piece is None or parameter.dim() != 2 or not parameter.is_contiguous() or parameter.numel() <= piece:
        return 0
    return max(1, piece // parameter.shape[1])
