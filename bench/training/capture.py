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


def capture(model: nn.Module, recipe: Recipe, images: torch.Tensor, labels: torch.Tensor) -> Graph:
    """Trace a step of ``model`` on a batch of this size.

    Tracing runs the step, so buffers of ``model`` change and random numbers are drawn: hand over a copy.

    Raises:
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
    graph: Graph = _simplified(make_fx(step)(images, labels, *values)).forward
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
        return F.cross_entropy(logits, labels)


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
