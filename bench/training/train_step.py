"""The optimizer step: eager as in plain PyTorch, or captured: the same operations without autograd's bookkeeping.

Which one a model gets is decided on copies of it before the clock starts: captured where its forward pass is proved to
do nothing but compute, and the captured steps give the same weights to the bit; eager elsewhere, with the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Execution
from bench.training.averaging import WeightAverage
from bench.training.capture import Graph, capture, loss_of
from bench.training.fused_adam import FUSED, PIECE, FusedAdam
from bench.training.model import state
from bench.training.model_optimizer import ModelOptimizer, make_average

Batch = tuple[torch.Tensor, torch.Tensor]
"""uint8 images of shape ``(N, 1, 28, 28)`` and labels int64 ``(N,)``, on the training device."""

Duplicate = Callable[[], nn.Module]
"""Makes the model anew, as it was at first: the same architecture with the same weights in other tensors."""


class Step(Protocol):
    """Take one optimizer step on a batch; return its mean loss, detached, on the device.

    ``average`` is the running mean of the weights, where the recipe asks for it and a step has been taken.
    """

    average: WeightAverage | None

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor: ...

    def reset_optimizer(self) -> None:
        """Reset the optimizer's averages and step counts to zero, in the same tensors."""


class EagerStep:
    """An ordinary training step: forward, backward, ``optimizer.step()``.

    The optimizer is made after the first forward pass, in which a model may build layers. ``left_out`` says what this
    model's optimizer does without.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, steps: int = 0) -> None:
        """Begin before the first of ``steps`` steps, over which the learning rate changes."""
        self._model = model
        self._recipe = recipe
        self._steps = steps
        self._optimizer: ModelOptimizer | None = None
        self.average: WeightAverage | None = None
        self.left_out: dict[str, str] = {}

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self._optimizer:
            self._optimizer.zero_grad()
        loss = loss_of(self._model, self._recipe, images, labels)
        if self._optimizer is None:
            self._optimizer = ModelOptimizer(self._model, self._recipe, self._steps, self.left_out)
            self.average = make_average(self._model, self._recipe)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        if self.average:
            self.average.update()
        return loss.detach()

    def reset_optimizer(self) -> None:
        if self._optimizer:
            self._optimizer.reset()
        if self.average:
            self.average.reset()

    def untrained(self) -> list[str]:
        """List the parameters that the optimizer does not have, since they were made after the first step."""
        known = {id(parameter) for parameter in self._optimizer.parameters} if self._optimizer else set()
        named = self._model.named_parameters()
        return [name for name, parameter in named if parameter.requires_grad and id(parameter) not in known]


class CapturedStep:
    """A step that replays the graph of the batch's size and passes its gradients to the optimizer.

    Adam and AdamW are called as torch's fused kernel directly, any other by its class.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, graphs: Mapping[int, Graph], steps: int = 0) -> None:
        """Begin before the first of ``steps`` steps, over which the learning rate changes."""
        self._graphs = graphs
        parameters = [parameter.detach() for parameter in model.parameters()]
        self._state = [*parameters, *model.buffers()]
        self._optimizer = ModelOptimizer(model, recipe, steps)
        self.average = make_average(model, recipe)
        self._fused: FusedAdam | None = None
        if recipe.optimizer in FUSED and recipe.others is None:
            on_gpu = parameters[0].is_cuda
            self._fused = FusedAdam(parameters, self._optimizer.groups[0], PIECE if on_gpu else None)
        self._mode = torch.inference_mode if self._fused else torch.no_grad

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with self._mode():
            loss, *gradients = self._graphs[len(labels)](images, labels, *self._state)
            if self._fused:
                self._optimizer.rates.advance()
                self._fused.step(gradients)
            else:
                self._optimizer.step(gradients)
            if self.average:
                self.average.update()
            return loss

    def reset_optimizer(self) -> None:
        self._optimizer.reset()
        if self._fused:
            self._fused.reset()
        if self.average:
            self.average.reset()


@dataclass(frozen=True)
class StepMethod:
    """Method of taking steps for models of one architecture; ``graphs`` by batch size, none if eager."""

    execution: Execution
    graphs: Mapping[int, Graph]

    def step(self, model: nn.Module, recipe: Recipe, steps: int = 0) -> Step:
        """Make the first of ``steps`` steps for ``model``, with an optimizer of its own."""
        if self.graphs:
            return CapturedStep(model, recipe, self.graphs, steps)
        return EagerStep(model, recipe, steps)


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
    model: nn.Module, recipe: Recipe, duplicate: Duplicate, batches: Sequence[Batch], steps: int = 0
) -> Iterator[Step]:
    """Make the steps of ``model`` that a GPU may record, the fastest first: captured where it can be, and eager.

    Whether they do the same is for whoever records them to find out, since a GPU adds in another order each time.
    """
    try:
        graphs = capture_each_size(duplicate, recipe, batches)
    except Exception:  # a model may do anything
        graphs = {}
    if graphs:
        yield CapturedStep(model, recipe, graphs, steps)
    yield EagerStep(model, recipe, steps)


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
        step = method.step(model, recipe, len(batches))
        torch.manual_seed(0)  # dropout draws from it
        if moved := changed_by_steps(step, model, batches):
            return f"a step changes {state.in_words(moved)}"
        tensors = [tensor.detach().nan_to_num() for tensor in (*model.parameters(), *model.buffers())]
        ends.append([*tensors, torch.get_rng_state()])
    same = all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
    return "" if same else "the captured steps gave other weights"
