"""Networks that are hard to capture."""

import copy
import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


def copies(model: nn.Module) -> Callable[[], nn.Module]:
    """Make copies of ``model`` as it is now, as a builder makes them anew."""
    return functools.partial(copy.deepcopy, copy.deepcopy(model))


class OneLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images.flatten(1))  # type: ignore[no-any-return]


class LooksAtValues(OneLayer):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images if images.sum() > 0 else -images)


class ChangesItsMind(OneLayer):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(images) * self.calls


class WithMemory(OneLayer):
    """Batch statistics, which a step changes, and dropout, which draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(F.dropout(self.norm(images), 0.3, self.training))
