"""Snapshots: every change of what a model holds is seen, and nothing else is."""

import collections
import copy
import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench.training.model import state


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("hidden", torch.zeros(2), persistent=False)
        self.number, self.mean = 0, torch.zeros(2)
        self.nested: Any = {"list": [1, {"deep": torch.zeros(1)}], "set": {1, 2}}
        self.queue = collections.deque([1])
        self.array, self.random, self.generator = np.zeros(2), random.Random(0), torch.Generator()
        self.layers = [nn.BatchNorm1d(2)]
        self.itself = [self.number]
        self.itself.append(self.itself)  # type: ignore[arg-type]
        self.count = counter()


def counter() -> Callable[[], int]:
    calls = 0

    def count() -> int:
        nonlocal calls
        calls += 1
        return calls

    return count


def set_number(model: Any) -> None:
    model.number = 1


CHANGES: list[tuple[str, Callable[[Any], object]]] = [
    ("number", set_number),
    ("mean", lambda model: model.mean.add_(1)),
    ("nested", lambda model: model.nested["list"][1]["deep"].add_(1)),
    ("nested", lambda model: model.nested["set"].add(3)),
    ("queue", lambda model: model.queue.append(2)),
    ("array", lambda model: model.array.__setitem__(0, 1)),
    ("random", lambda model: model.random.random()),
    ("generator", lambda model: torch.rand(1, generator=model.generator)),
    ("layers", lambda model: model.layers[0](torch.randn(4, 2))),
    ("count", lambda model: model.count()),
    ("layer.calls", lambda model: setattr(model.layer, "calls", 1)),
    ("number", lambda model: delattr(model, "number")),
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_change_at_any_depth_is_named(name: str, change: Callable[[Any], object]) -> None:
    model = Holder()
    before = state.attributes(model)
    assert state.changed(before, state.attributes(model)) == []
    change(model)
    assert state.changed(before, state.attributes(model)) == [name]


def test_tensors_are_told_by_their_values() -> None:
    model = Holder()
    before = state.tensors(model)
    assert state.tensors(copy.deepcopy(model)) == before
    with torch.no_grad():
        model.hidden += 1  # type: ignore[operator]
        model.layer.bias[0] = float("nan")
    assert state.changed(before, state.tensors(model)) == ["hidden", "layer.bias"]
    again = state.tensors(model)
    assert state.changed(again, state.tensors(model)) == [], "not a number is equal to itself here"


def test_switching_to_evaluation_and_gradients_change_nothing() -> None:
    model = Holder()
    before = state.tensors(model) | state.attributes(model)
    model.eval()
    model.layer(torch.ones(1, 3)).sum().backward()
    assert state.changed(before, state.tensors(model) | state.attributes(model)) == []


@pytest.mark.parametrize(("name", "draw"), [("random", random.random), ("numpy.random", np.random.rand)])
def test_drawing_from_a_global_generator_is_seen(name: str, draw: Callable[[], float]) -> None:
    before = state.generators()
    draw()
    assert state.changed(before, state.generators()) == [name]


def test_what_cannot_be_looked_into_is_equal_to_itself_alone() -> None:
    model, twin = nn.Identity(), nn.Identity()
    model.turn, twin.turn = itertools.cycle([1]), itertools.cycle([1])  # type: ignore[assignment]
    before = state.attributes(model)
    assert state.changed(before, state.attributes(model)) == []
    assert state.changed(before, state.attributes(twin)) == ["turn"]


def test_many_names_are_cut_short() -> None:
    assert state.in_words(["a", "b", "c"], most=2) == "a, b and 1 more"
