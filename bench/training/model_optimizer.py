"""The recipe's optimizers on the parameters of one model, with its learning rates and its mean of the weights."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from bench.recipes.optimizers import is_recordable, make_optimizer, optimizer_groups, reset_state
from bench.recipes.recipe import Recipe
from bench.recipes.schedules import learning_rate_factors
from bench.training.averaging import WeightAverage
from bench.training.schedule import Rates


class ModelOptimizer:
    """The optimizers of a recipe, which step together."""

    def __init__(self, model: nn.Module, recipe: Recipe, steps: int, left_out: dict[str, str] | None = None) -> None:
        """Begin before the first of ``steps`` steps.

        Args:
            left_out: gets the reason under ``fused_optimizer`` where torch has no fused kernel for these parameters.
        """
        self.parameters = list(model.parameters())
        kinds = {str(parameter.dtype) for parameter in self.parameters if not parameter.is_floating_point()}
        if kinds and left_out is not None:
            left_out["fused_optimizer"] = f"torch has no fused kernel for parameters of type {', '.join(sorted(kinds))}"
        shares = optimizer_groups(recipe, self.parameters)
        self._optimizers = [make_optimizer(settings, own, fused=not kinds) for settings, own in shares]
        device = self.parameters[0].device
        counted_there = device.type == "cuda" and all(is_recordable(settings) for settings, _ in shares)
        factors = learning_rate_factors(recipe, steps)
        self.rates = Rates(self.groups, factors, device if counted_there else None)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups of all the optimizers."""
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]

    def step(self, gradients: Sequence[torch.Tensor] | None = None) -> None:
        """Update the parameters, by ``gradients``, one for each, or by those in their ``grad``."""
        if gradients is not None:
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = gradient
        self.rates.advance()
        for optimizer in self._optimizers:
            optimizer.step()

    def zero_grad(self) -> None:
        """Let go of the gradients."""
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)

    def reset(self) -> None:
        """Go back to before the first step, in the same tensors."""
        self.rates.reset()
        for optimizer in self._optimizers:
            reset_state(optimizer)


def make_average(model: nn.Module, recipe: Recipe) -> WeightAverage | None:
    """Make the running mean of the weights, if the recipe asks for it."""
    return WeightAverage(model, recipe.weight_averaging) if recipe.weight_averaging else None
