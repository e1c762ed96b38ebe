"""Trace a training step once into a list of tensor operations, then call them without autograd's bookkeeping.

Forward pass, loss and gradients of one step are traced into ``torch.fx``'s graph of ATen operations, the very ones
that autograd would call. Calling those directly spares the small models half of their time and changes no bit of
the result (LOG.md, 2026-11-24).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen

from bench.recipes.recipe import Recipe
from bench.training.pipeline import normalise
from bench.training.precision import autocast

Graph = Callable[..., list[torch.Tensor]]
"""From uint8 images, labels, all parameters and all buffers to the mean loss and a gradient for each parameter."""

_ATEN = torch.ops.aten
_ALIASES = (_ATEN.alias.default, _ATEN.detach.default)
_TRANSPOSE = _ATEN.t.default
_INDEX = _ATEN.index.Tensor


class CaptureError(Exception):
    """A step that can be traced, but whose graph would not do the same on other images."""


def capture(model: nn.Module, recipe: Recipe, images: torch.Tensor, labels: torch.Tensor) -> Graph:
    """Trace a step of ``model`` on a batch of this size.

    Tracing runs the step, so buffers of ``model`` change and random numbers are drawn: hand over a copy.

    Raises:
        CaptureError: the graph would not do what the model does on other images.
        Exception: whatever a model raises that cannot be traced, such as one whose path depends on values.
    """
    parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    names = [*parameters, *buffers]

    def step(images: torch.Tensor, labels: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        leaves = [tensor.detach().requires_grad_() for tensor in state[: len(parameters)]]
        with torch.enable_grad():
            loss = loss_of(
                model, recipe, images, labels, dict(zip(names, [*leaves, *state[len(leaves) :]], strict=True))
            )
            gradients = torch.autograd.grad(loss, leaves)
        return loss.detach(), *gradients

    values = [tensor.detach() for tensor in (*parameters.values(), *buffers.values())]
    traced = make_fx(step)(images, labels, *values)
    _check(traced)
    graph: Graph = _simplified(traced).forward
    return graph


def loss_of(
    model: nn.Module,
    recipe: Recipe,
    images: torch.Tensor,
    labels: torch.Tensor,
    state: dict[str, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Mean cross-entropy of a batch of uint8 ``images``, with ``state`` in place of the model's own tensors."""
    with autocast(recipe, labels.device):
        pixels = normalise(images, recipe)
        logits = model(pixels) if state is None else torch.func.functional_call(model, state, (pixels,))
        return F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)


def _check(traced: torch.fx.GraphModule) -> None:
    """Check that no size depends on the images, since it would be fixed, and that no constant is written to."""
    for node in traced.graph.nodes:
        if isinstance(node.target, torch._ops.OpOverload):
            dynamic = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output} & set(node.target.tags)
            if dynamic and (node.target is not _INDEX or any(_is_mask(traced, index) for index in node.args[1])):
                raise CaptureError(f"sizes depend on the images in {node.target}")
            if node.target._schema.is_mutable and _origin(node).op == "get_attr":
                raise CaptureError("it writes to a tensor that is no buffer")


def _is_mask(traced: torch.fx.GraphModule, index: torch.fx.Node | None) -> bool:
    """Tell whether an index may be a mask, whose result has as many rows as it has ones; by its type if it is known."""
    if index is None:
        return False
    value = getattr(traced, str(index.target)) if index.op == "get_attr" else index.meta.get("val")
    return value is None or value.dtype in (torch.bool, torch.uint8)


def _origin(node: torch.fx.Node) -> torch.fx.Node:
    """Follow first arguments to where a tensor comes from; it may be a new one on the way, which does no harm."""
    while node.op == "call_function" and node.args and isinstance(node.args[0], torch.fx.Node):
        node = node.args[0]
    return node


def _simplified(traced: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Remove the nodes that only autograd needs: aliases, and transposes of transposes."""
    for node in traced.graph.nodes:
        if node.target in _ALIASES:
            node.replace_all_uses_with(node.args[0])
        elif node.target is _TRANSPOSE and node.args[0].target is _TRANSPOSE:
            node.replace_all_uses_with(node.args[0].args[0])
    traced.graph.eliminate_dead_code()
    traced.graph.set_codegen(CodeGen())  # tensors in, tensors out, no packing of arguments
    traced.recompile()
    return traced
