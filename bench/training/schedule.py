"""The learning rates of a training, set before each step; on a GPU by the GPU, so that recorded steps follow them."""

from collections.abc import Sequence
from typing import Any

import torch


class Rates:
    """Learning rates of an optimizer's parameter groups over the steps."""

    def __init__(self, groups: Sequence[dict[str, Any]], factors: Sequence[float], device: torch.device | None) -> None:
        """Begin before the first step.

        Args:
            groups: their ``lr`` is read here and set from then on.
            factors: of those rates, one for each step; after the last it stays.
            device: where rates are kept as tensors and counted; None: as numbers in this process.
        """
        self._groups = [] if all(factor == 1 for factor in factors) else groups  # a constant rate costs nothing
        self._rates = [[group["lr"] * factor for group in self._groups] for factor in factors if self._groups]
        self._step = 0
        self._count: torch.Tensor | None = None
        if device is not None and self._groups:
            self._count = torch.zeros(1, dtype=torch.int64, device=device)
            self._table = torch.tensor(self._rates, device=device)
            for group in groups:
                group["lr"] = torch.zeros((), device=device)
        self.reset()

    def advance(self) -> None:
        """Set the rates of the next step."""
        if not self._groups:
            return
        if self._count is None:
            rates = self._rates[min(self._step, len(self._rates) - 1)]
            self._step += 1
            for group, rate in zip(self._groups, rates, strict=True):
                group["lr"] = rate
            return
        row = self._table.index_select(0, self._count)[0]
        self._count.add_(1).clamp_(max=len(self._rates) - 1)
        for group, rate in zip(self._groups, row, strict=True):
            group["lr"].copy_(rate)

    def reset(self) -> None:
        """Go back to before the first step, with its rates set: some optimizers begin from them."""
        self._begin()
        self.advance()
        self._begin()

    def _begin(self) -> None:
        self._step = 0
        if self._count is not None:
            self._count.zero_()
