"""The optimizer step: eager as in plain PyTorch, or captured: the same operations without autograd's bookkeeping.

Which one a model gets is decided on copies of it before the clock starts: captured where its forward pass is proved to
do nothing but compute, and the captured steps give the same weights to the bit; eager elsewhere, with the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Execution
from bench.training.capture import Graph, capture, loss_of
from bench.training.fused_adam import PIECE, FusedAdam
from bench.training.model import state

Batch = tuple[torch.Tensor, torch.Tensor]
"""uint8 images of shape ``(N, 1, 28, 28)`` and labels int64 ``(N,)``, on the training device."""

Duplicate = Callable[[], nn.Module]
"""Makes the model anew, as it was at first: the same architecture with the same weights in other tensors."""


class Step(Protocol):
    """Take one optimizer step on a batch; return its mean loss, detached, on the device."""

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor: ...

    def reset_optimizer(self) -> None:
        """Reset the optimizer's averages and step counts to zero, in the same tensors."""


class EagerStep:
    """An ordinary training step: forward, backward, ``optimizer.step()``.

    The optimizer is made after the first forward pass, in which a model may build layers. ``left_out`` says what this
    model's optimizer does without.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        self._model = model
        self._recipe = recipe
        self._optimizer: torch.optim.Optimizer | None = None
        self.left_out: dict[str, str] = {}

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self._optimizer:
            self._optimizer.zero_grad(set_to_none=True)
        loss = loss_of(self._model, self._recipe, images, labels)
        if self._optimizer is None:
            self._optimizer = make_optimizer(self._model, self._recipe, self.left_out)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.detach()

    def reset_optimizer(self) -> None:
        for tensors in self._optimizer.state.values() if self._optimizer else ():
            for tensor in tensors.values():
                tensor.zero_()

    def untrained(self) -> list[str]:
        """List the parameters that the optimizer does not have, since they were made after the first step."""
        groups = self._optimizer.param_groups if self._optimizer else ()
        known = {id(parameter) for group in groups for parameter in group["params"]}
        named = self._model.named_parameters()
        return [name for name, parameter in named if parameter.requires_grad and id(parameter) not in known]


class CapturedStep:
    """A step that replays the graph of the batch's size and passes its gradients to torch's fused Adam kernel."""

    def __init__(self, model: nn.Module, recipe: Recipe, graphs: Mapping[int, Graph]) -> None:
        self._graphs = graphs
        parameters = [parameter.detach() for parameter in model.parameters()]
        self._state = [*parameters, *model.buffers()]
        on_gpu = parameters[0].is_cuda
        self._adam = FusedAdam(parameters, make_optimizer(model, recipe).param_groups[0], PIECE if on_gpu else None)

    @torch.inference_mode()
    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        loss, *gradients = self._graphs[len(labels)](images, labels, *self._state)
        self._adam.step(gradients)
        return loss

    def reset_optimizer(self) -> None:
        self._adam.reset()


@dataclass(frozen=True)
class StepMethod:
    """Method of taking steps for models of one architecture; ``graphs`` by batch size, none if eager."""

    execution: Execution
    graphs: Mapping[int, Graph]

    def step(self, model: nn.Module, recipe: Recipe) -> Step:
        """Make a step for ``model``, with an optimizer of its own."""
        return CapturedStep(model, recipe, self.graphs) if self.graphs else EagerStep(model, recipe)


def make_optimizer(model: nn.Module, recipe: Recipe, left_out: dict[str, str] | None = None) -> torch.optim.Optimizer:
    """Make the recipe's optimizer over all parameters, as one fused kernel where torch has it for them.

    Args:
        left_out: gets the reason under ``fused_optimizer`` where it has not.

    Raises:
        ValueError: the recipe names an optimizer the harness does not have.
    """
    if recipe.optimizer != "adam":
        raise ValueError(f"recipe {recipe.name!r} asks for optimizer {recipe.optimizer!r}; the harness has 'adam'")
    # capturable: its step may be recorded in a CUDA graph; says nothing elsewhere
    on_gpu = any(parameter.is_cuda for parameter in model.parameters())
    options: dict[str, Any] = {"lr": recipe.learning_rate, "capturable": on_gpu}
    kinds = {str(parameter.dtype) for parameter in model.parameters() if not parameter.is_floating_point()}
    if kinds and left_out is not None:
        left_out["fused_optimizer"] = f"torch has no fused Adam for parameters of type {', '.join(sorted(kinds))}"
    return torch.optim.Adam(model.parameters(), fused=not kinds, **options)


def choose_method(duplicate: Duplicate, recipe: Recipe, batches: Sequence[Batch]) -> StepMethod:
    """Choose captured steps if they give the same weights as eager ones, else eager steps.

    The forward pass must be proved to do nothing but compute (:mod:`bench.training.model.purity`). torch's random
    generator does not stay as it is.

    Args:
        batches: at least one of each size that training will see; the first of each size is the one that is traced.
    """
    try:
        chosen = StepMethod(Execution(mode="captured"), capture_each_size(duplicate, recipe, batches))
        difference = _difference(duplicate, recipe, batches, chosen)
    except Exception as error:  # a model may do anything
        return eager_method(f"cannot be captured: {error_text(error)}")
    return eager_method(difference) if difference else chosen


def recordable_steps(
    model: nn.Module, recipe: Recipe, duplicate: Duplicate, batches: Sequence[Batch]
) -> Iterator[Step]:
    """Make the steps of ``model`` that a GPU may record, the fastest first: captured where it can be, and eager.

    Whether they do the same is for whoever records them to find out, since a GPU adds in another order each time.
    """
    try:
        graphs = capture_each_size(duplicate, recipe, batches)
    except Exception:  # a model may do anything
        graphs = {}
    if graphs:
        yield CapturedStep(model, recipe, graphs)
    yield EagerStep(model, recipe)


def capture_each_size(duplicate: Duplicate, recipe: Recipe, batches: Sequence[Batch]) -> dict[int, Graph]:
    """Capture a step for each size of batch, on a model made anew.

    Raises:
        Exception: see :func:`bench.training.capture.capture`.
    """
    examples = {len(labels): (images, labels) for images, labels in reversed(batches)}
    return {size: capture(duplicate().train(), recipe, *batch) for size, batch in examples.items()}


def eager_method(reason: str) -> StepMethod:
    """Make the eager method, which always works, with the reason for choosing it."""
    return StepMethod(Execution(mode="eager", reason=reason_text(reason)), {})


def error_text(error: Exception) -> str:
    """Format an error as ``RuntimeError: message``."""
    return f"{type(error).__name__}: {error}"


def reason_text(reason: str) -> str:
    """Fit a reason into its place in a record: one line of at most 200 characters."""
    return " ".join(reason.split())[:200]


def changed_by_steps(step: Step, model: nn.Module, batches: Sequence[Batch]) -> list[str]:
    """Take a step of ``model`` on each batch; give the names of what that changes beside its tensors."""
    before = state.attributes(model) | state.generators()
    for images, labels in batches:
        step(images, labels)
    return state.changed(before, state.attributes(model) | state.generators())


def _difference(duplicate: Duplicate, recipe: Recipe, batches: Sequence[Batch], captured: StepMethod) -> str:
    """Take some steps both ways; say what differs, or what changed that no graph would change; empty: nothing."""
    ends = []
    for method in (captured, eager_method("")):
        model = duplicate().train()
        step = method.step(model, recipe)
        torch.manual_seed(0)  # dropout draws from it
        if moved := changed_by_steps(step, model, batches):
            return f"a step changes {state.in_words(moved)}"
        tensors = [tensor.detach().nan_to_num() for tensor in (*model.parameters(), *model.buffers())]
        ends.append([*tensors, torch.get_rng_state()])
    same = all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
    return "" if same else "the captured steps gave other weights"
