"""Optimizers: any class of ``torch.optim`` that takes a step from gradients alone, by its name in lower case."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from bench.common.errors import UserError, one_line, unknown_name
from bench.records.recipe import OptimizerSettings, Recipe

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    name.lower(): value
    for name, value in vars(torch.optim).items()
    if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
}
OURS = ("params", "lr", "foreach", "fused", "capturable", "differentiable")
"""Arguments that the harness gives, or that say only how the same step is computed."""


def optimizer_groups(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> list[tuple[OptimizerSettings, list[Any]]]:
    """Share out parameters among the recipe's optimizers: all to one, or matrices to one and the rest to another."""
    everything = list(parameters)
    if recipe.others is None:
        return [(recipe, everything)]
    matrices = [parameter for parameter in everything if parameter.dim() == 2]
    rest = [parameter for parameter in everything if parameter.dim() != 2]
    return [(settings, own) for settings, own in ((recipe, matrices), (recipe.others, rest)) if own]


def make_optimizer(
    settings: OptimizerSettings, parameters: Sequence[torch.Tensor], fused: bool
) -> torch.optim.Optimizer:
    """Make an optimizer, its step in as few kernels as torch has for it.

    Args:
        fused: whether these parameters may have one kernel for all, where the optimizer has such a one.
    """
    kind = OPTIMIZERS[settings.optimizer]
    known = inspect.signature(kind).parameters
    options: dict[str, Any] = {"lr": settings.learning_rate, **settings.optimizer_arguments}
    if fused and "fused" in known:
        options["fused"] = True
    elif "foreach" in known:
        options["foreach"] = True
    if "capturable" in known:  # its step may be recorded in a CUDA graph; says nothing elsewhere
        options["capturable"] = any(parameter.is_cuda for parameter in parameters)
    return kind(list(parameters), **options)


def optimizer_arguments(name: str) -> list[str]:
    """Arguments that a recipe may give an optimizer; none of one that torch does not have."""
    known = inspect.signature(OPTIMIZERS[name]).parameters if name in OPTIMIZERS else ()
    return [argument for argument in known if argument not in OURS]


def is_recordable(settings: OptimizerSettings) -> bool:
    """Tell whether the optimizer's step does the same when a CUDA graph of it is replayed."""
    if settings.optimizer == "sgd":  # with dampening its first step is unlike all others
        return not settings.optimizer_arguments.get("dampening")
    return "capturable" in inspect.signature(OPTIMIZERS[settings.optimizer]).parameters


def reset_state(optimizer: torch.optim.Optimizer) -> None:
    """Set an optimizer's state to what it was before the first step, in the same tensors."""
    for group in optimizer.param_groups:
        beginnings = {"mu": 1.0, "mu_product": 1.0, "eta": group["lr"], "step_size": group["lr"]}
        for parameter in group["params"]:
            for name, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    value.fill_(beginnings.get(name, 0.0))


def check_optimizer(settings: OptimizerSettings, matrices_alone: bool = False) -> None:
    """Check that torch has the optimizer, and that it takes a step with these arguments.

    Args:
        matrices_alone: another optimizer has the parameters that are no matrices.

    Raises:
        UserError: the name or an argument is unknown, or the optimizer refuses it.
    """
    name = settings.optimizer
    if name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS)
    known = optimizer_arguments(name)
    for argument in settings.optimizer_arguments:
        if argument in ("params", "lr"):
            raise UserError(f"optimizer argument {argument!r} is no argument of a recipe: the rate is learning_rate")
        if argument not in known:
            raise unknown_name(f"argument of {name}", argument, known)
    parameters = [nn.Parameter(torch.ones(2, 2)), *([] if matrices_alone else [nn.Parameter(torch.ones(2))])]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    try:
        make_optimizer(settings, parameters, fused=True).step()
    except Exception as error:  # each optimizer refuses in its own way
        raise UserError(f"optimizer {name} cannot be used: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = one_line(str(error)) or type(error).__name__
    if "closure" in text:
        return "it evaluates the model several times in a step, and the harness does so once"
    if "2D parameters" in text:
        return f"{text}; a table [others] names the optimizer of the parameters that are no matrices"
    return text
