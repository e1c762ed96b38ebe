"""Networks that keep something beside their tensors, draw from other generators, or are built at their first call."""

import itertools
import random

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from tests.support.architectures.pure import Body, small_mlp

Tensor = torch.Tensor


class CountsInPython(Body):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def between(self, signal: Tensor) -> Tensor:
        self.steps += self.training
        return signal if self.steps > 10 else -signal


class DrawsFromPython(Body):
    def between(self, signal: Tensor) -> Tensor:
        return signal if random.random() < 0.5 or not self.training else signal * 2


class DrawsFromNumpy(Body):
    def between(self, signal: Tensor) -> Tensor:
        return signal + (float(np.random.rand()) if self.training else 0.5)


class IteratesOn(Body):
    def __init__(self) -> None:
        super().__init__()
        self.scales = itertools.cycle([1.0, 0.5, 2.0])

    def between(self, signal: Tensor) -> Tensor:
        return signal * next(self.scales)


class RunningMean(Body):
    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(32)

    def between(self, signal: Tensor) -> Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * signal.detach().mean(0)
        return signal - self.mean


class AliasedMean(RunningMean):
    def between(self, signal: Tensor) -> Tensor:
        mean = self.mean
        mean.mul_(0.9).add_(signal.detach().mean(0), alpha=0.1)
        return signal - mean


class ShapedAtFirstBatch(Body):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", None)

    def between(self, signal: Tensor) -> Tensor:
        if self.mean is None:
            self.mean = signal.detach().mean(0)
        return signal - self.mean


class BuiltAtFirstBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Linear | None = None

    def forward(self, images: Tensor) -> Tensor:
        if self.head is None:
            self.head = nn.Linear(images[0].numel(), 10)
        return self.head(images.flatten(1))  # type: ignore[no-any-return]


class KeepsMask(Body):
    """Keeps a tensor that it makes at its first call, which may be in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.mask: Tensor | None = None

    def between(self, signal: Tensor) -> Tensor:
        if self.mask is None and not self.training:
            self.mask = torch.ones(32)
        return signal if self.mask is None else signal * self.mask


class KeepsBuffer(Body):
    """Makes a buffer in evaluation alone."""

    def between(self, signal: Tensor) -> Tensor:
        if not self.training and not hasattr(self, "mask"):
            self.register_buffer("mask", torch.ones(32))
        return signal


class Hooked(Body):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.first.register_forward_hook(lambda *arguments: self.seen.append(len(arguments[2])))


def pruned() -> nn.Module:
    model = small_mlp()
    prune.random_unstructured(model[1], "weight", 0.5)  # type: ignore[no-untyped-call]
    return model


def old_weight_norm() -> nn.Module:
    model = small_mlp()
    model[1] = torch.nn.utils.weight_norm(model[1])
    return model
