"""Schedules: the learning rate over the steps of a training, as factors of the recipe's rate.

A new one is a function here with ``@schedule``; recipes name it. It is given how far training has come after its
warm-up, from 0 to 1, and gives the factor there. During warm-up, the recipe's share of the steps, the rate rises
linearly from nearly 0, unless the schedule has a rise of its own.
"""

import math
from collections.abc import Callable

from bench.records.recipe import Recipe

Shape = Callable[[float], float]

SCHEDULES: dict[str, Shape] = {}
"""Factor after warm-up by progress from 0 to 1."""
RISES: dict[str, Shape] = {}
"""Factor during warm-up by progress from 0 to 1, of the schedules that do not rise linearly."""

FIRST, LAST = 1 / 25, 1 / 250_000
"""Factors at which one-cycle begins and ends, those of ``torch.optim.lr_scheduler.OneCycleLR``."""


def schedule(shape: Shape) -> Shape:
    """Register a schedule under the function's name."""
    SCHEDULES[shape.__name__] = shape
    return shape


@schedule
def constant(progress: float) -> float:  # noqa: ARG001
    """Keep the rate."""
    return 1.0


@schedule
def linear(progress: float) -> float:
    """Fall in a straight line, to 0 after the last step."""
    return 1.0 - progress


@schedule
def cosine(progress: float) -> float:
    """Fall along half a cosine, to 0 after the last step. Source: Loshchilov and Hutter, SGDR, without restarts."""
    return (1 + math.cos(math.pi * progress)) / 2


@schedule
def one_cycle(progress: float) -> float:
    """Rise along a cosine during warm-up and fall along another. Source: Smith and Topin, "Super-convergence"."""
    return LAST + (1 - LAST) * cosine(progress)


RISES["one_cycle"] = lambda progress: 1 - (1 - FIRST) * cosine(progress)


def learning_rate_factors(recipe: Recipe, steps: int) -> list[float]:
    """Compute the factor of the recipe's learning rate at each of ``steps`` steps.

    Raises:
        ValueError: the rate changes, and there is no step.
    """
    if steps < 1 and (recipe.warm_up or recipe.schedule != constant.__name__):
        raise ValueError(f"schedule {recipe.schedule!r} needs the number of steps")
    shape = SCHEDULES[recipe.schedule]
    if rise := RISES.get(recipe.schedule):
        peak = max(0.0, recipe.warm_up * steps - 1)  # the step, not always a whole one, at the recipe's full rate
        fall = max(1.0, steps - 1 - peak)
        return [rise(step / peak) if step < peak else shape((step - peak) / fall) for step in range(steps)]
    warm_up = round(recipe.warm_up * steps)
    rising = [(step + 1) / (warm_up + 1) for step in range(warm_up)]
    return rising + [shape(step / (steps - warm_up)) for step in range(steps - warm_up)]
