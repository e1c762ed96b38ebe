"""The optimizer step: eager as in plain PyTorch, or captured: the same operations without autograd's bookkeeping.

Which one a model gets is decided on copies of it before the clock starts: captured where that can be done and gives
the same weights to the bit, eager where not, with the reason.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Execution
from bench.training.capture import Graph, capture, loss_of

Batch = tuple[torch.Tensor, torch.Tensor]
"""uint8 images of shape ``(N, 1, 28, 28)`` and labels int64 ``(N,)``, on the training device."""

TRIAL_ROUNDS = 2
"""Number of steps on each batch when both ways are compared."""


class Step(Protocol):
    """Take one optimizer step on a batch; return its mean loss, detached, on the device."""

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor: ...


class EagerStep:
    """An ordinary training step: forward, backward, ``optimizer.step()``."""

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        self._model = model
        self._recipe = recipe
        self._optimizer = make_optimizer(model, recipe)

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self._optimizer.zero_grad(set_to_none=True)
        loss = loss_of(self._model, self._recipe, images, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.detach()

    def reset_optimizer(self) -> None:
        """Reset the optimizer's averages and step counts to zero, in the same tensors."""
        for state in self._optimizer.state.values():
            for tensor in state.values():
                tensor.zero_()


class CapturedStep:
    """A step that replays the graph of the batch's size and passes its gradients to torch's fused Adam kernel."""

    def __init__(self, model: nn.Module, recipe: Recipe, graphs: Mapping[int, Graph]) -> None:
        self._graphs = graphs
        self._parameters = [parameter.detach() for parameter in model.parameters()]
        self._state = [*self._parameters, *model.buffers()]
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._count = torch.zeros((), device=self._parameters[0].device)
        self._counts = [self._count] * len(self._parameters)
        options = make_optimizer(model, recipe).param_groups[0]
        self._options = {name: options[name] for name in ("lr", "weight_decay", "eps", "amsgrad", "maximize")}
        self._options["beta1"], self._options["beta2"] = options["betas"]

    @torch.inference_mode()
    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        loss, *gradients = self._graphs[len(labels)](images, labels, *self._state)
        self._count += 1
        torch._fused_adam_(
            self._parameters, gradients, self._means, self._squares, [], self._counts, **self._options
        )  # fmt: skip
        return loss


@dataclass(frozen=True)
class StepMethod:
    """Method of taking steps for models of one architecture; ``graphs`` by batch size, none if eager."""

    execution: Execution
    graphs: Mapping[int, Graph]

    def step(self, model: nn.Module, recipe: Recipe) -> Step:
        """Make a step for ``model``, with an optimizer of its own."""
        return CapturedStep(model, recipe, self.graphs) if self.graphs else EagerStep(model, recipe)


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the recipe's optimizer over all parameters, as one fused kernel.

    Raises:
        ValueError: the recipe names an optimizer the harness does not have.
    """
    if recipe.optimizer != "adam":
        raise ValueError(f"recipe {recipe.name!r} asks for optimizer {recipe.optimizer!r}; the harness has 'adam'")
    # capturable: its step may be recorded in a CUDA graph; says nothing elsewhere
    on_gpu = any(parameter.is_cuda for parameter in model.parameters())
    return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, fused=True, capturable=on_gpu)


def choose_method(model: nn.Module, recipe: Recipe, batches: Sequence[Batch]) -> StepMethod:
    """Choose captured steps if they give the same weights as eager ones, else eager steps.

    It is decided on copies of ``model``, which stays as it is; torch's random generator does not.

    Args:
        batches: one of each size that training will see.
    """
    device = batches[0][1].device
    if device.type != "cpu":
        return eager_method(f"no steps are captured on {device.type}")
    try:
        graphs = {len(labels): capture(_copy(model), recipe, images, labels) for images, labels in batches}
        chosen = StepMethod(Execution(mode="captured"), graphs)
        same = _same_weights(model, recipe, batches, (chosen, eager_method("")))
    except Exception as error:  # a model may do anything
        return eager_method(f"cannot be captured: {error_text(error)}")
    return chosen if same else eager_method("the captured steps gave other weights")


def eager_method(reason: str) -> StepMethod:
    """Make the eager method, which always works, with the reason for choosing it."""
    return StepMethod(Execution(mode="eager", reason=" ".join(reason.split())[:200]), {})


def error_text(error: Exception) -> str:
    """Format an error as ``RuntimeError: message``."""
    return f"{type(error).__name__}: {error}"


def _same_weights(model: nn.Module, recipe: Recipe, batches: Sequence[Batch], methods: Sequence[StepMethod]) -> bool:
    states = []
    for method in methods:
        duplicate = _copy(model)
        step = method.step(duplicate, recipe)
        torch.manual_seed(0)  # dropout draws from it
        for images, labels in [*batches] * TRIAL_ROUNDS:
            step(images, labels)
        states.append([tensor.detach().nan_to_num() for tensor in duplicate.state_dict().values()])
    return all(torch.equal(one, other) for one, other in zip(*states, strict=True))


def _copy(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model).train()
