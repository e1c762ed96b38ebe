"""Build a model by its name with the weights of a seed, in the memory format that suits the device's convolutions."""

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from bench.training.model.purity import impurity
from bench.training.model.seeds import seed_generators
from models import create_model

BATCH = 4


@dataclass(frozen=True)
class ModelBuilder:
    """Builds the same model at every call: the same architecture with the same weights."""

    name: str
    num_classes: int
    seed: int
    device: torch.device

    def __call__(self) -> nn.Module:
        """Build the model; its weights are drawn on the CPU, so that they are the same on every device."""
        model = self._build()
        return model if self.format_reason else channels_last(model)

    @functools.cached_property
    def format_reason(self) -> str:
        """Why convolutions do not store the channel axis last, which is faster; empty where they do or there are none.

        It is tried on copies, so a model whose code may do more than compute, and must not be called, goes without.
        """
        model = self._build()
        if not _convolutions(model):
            return ""
        if reason := impurity(model):
            return f"not tried, {reason}"
        try:
            plain, converted = _outputs(model), _outputs(channels_last(self._build()))
        except Exception as error:  # a model may do anything
            return f"{type(error).__name__}: {error}"
        return "" if torch.allclose(plain, converted, rtol=1e-3, atol=1e-4) else "it gives other outputs"

    def _build(self) -> nn.Module:
        seed_generators(self.seed)
        return create_model(self.name, self.num_classes).to(self.device)


def initial_model(name: str, num_classes: int, seed: int, device: torch.device) -> nn.Module:
    """Build the model of that name with the seed's weights."""
    return ModelBuilder(name, num_classes, seed, device)()


def channels_last(model: nn.Module) -> nn.Module:
    """Store the weights of all 2-d convolutions with the channel axis last, in place."""
    for layer in _convolutions(model):
        layer.to(memory_format=torch.channels_last)
    return model


def _convolutions(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]


def _outputs(model: nn.Module) -> torch.Tensor:
    """Train for one pass on made-up images; give the outputs."""
    device = next(model.parameters()).device
    torch.manual_seed(0)  # dropout draws from it
    images = torch.randn(BATCH, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device)
    outputs: torch.Tensor = model.train()(images)
    F.cross_entropy(outputs, torch.zeros(BATCH, dtype=torch.int64, device=device)).backward()  # type: ignore[no-untyped-call]
    return outputs.detach()
