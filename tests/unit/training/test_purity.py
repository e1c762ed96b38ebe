"""What may be captured: only where it is proved that a forward pass does nothing but compute."""

import functools
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.training.model.purity import impurity
from models import create_model, list_models
from tests.support.architectures import CAPTURED, EAGER

CALLS = 0
TABLE: dict[str, int] = {"calls": 0}
SCALE = 2.0


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.steps = 0
        self.log: list[int] = []
        self.factor = torch.ones(1)
        self.register_buffer("count", torch.zeros(1))


def made_of(forward: Callable[..., Any], **members: Any) -> nn.Module:
    return type("Made", (Net,), {"forward": forward, **members})()  # type: ignore[no-any-return]


def attribute(self: Any, images: Any) -> Any:
    self.steps += 1
    return self.layer(images.flatten(1))


def attribute_of_layer(self: Any, images: Any) -> Any:
    self.layer.calls = 1
    return self.layer(images.flatten(1))


def attribute_by_name(self: Any, images: Any) -> Any:
    setattr(self, "steps", 1)  # noqa: B010
    return self.layer(images.flatten(1))


def attribute_in_dict(self: Any, images: Any) -> Any:
    self.__dict__["steps"] += 1
    return self.layer(images.flatten(1))


def attribute_of_class(self: Any, images: Any) -> Any:
    type(self).steps = 1
    return self.layer(images.flatten(1))


def container(self: Any, images: Any) -> Any:
    self.log.append(1)
    return self.layer(images.flatten(1))


def default(self: Any, images: Any, seen: list[int] = []) -> Any:  # noqa: B006
    seen.append(1)
    return self.layer(images.flatten(1)) * len(seen)


def global_name(self: Any, images: Any) -> Any:
    global CALLS
    CALLS += 1
    return self.layer(images.flatten(1))


def global_container(self: Any, images: Any) -> Any:
    TABLE["calls"] += 1
    return self.layer(images.flatten(1))


def reads_container(self: Any, images: Any) -> Any:
    return self.layer(images.flatten(1)) * TABLE["calls"]


def python_random(self: Any, images: Any) -> Any:
    return self.layer(images.flatten(1)) * random.random()


def clock(self: Any, images: Any) -> Any:
    return self.layer(images.flatten(1)) * time.monotonic()


def imports(self: Any, images: Any) -> Any:
    import random as chance

    return self.layer(images.flatten(1)) * chance.random()


def tensor_in_place(self: Any, images: Any) -> Any:
    self.factor.mul_(0.9)
    return self.layer(images.flatten(1)) * self.factor


def into_tensor(self: Any, images: Any) -> Any:
    return torch.mul(self.layer(images.flatten(1)), 2, out=self.factor)


def data_of_weight(self: Any, images: Any) -> Any:
    self.layer.weight.data.mul_(0.9)
    return self.layer(images.flatten(1))


def tensor_hook(self: Any, images: Any) -> Any:
    logits = self.layer(images.flatten(1))
    logits.register_hook(lambda gradient: gradient * 2)
    return logits


def seeds_torch(self: Any, images: Any) -> Any:
    torch.manual_seed(0)
    return self.layer(images.flatten(1))


def new_layer(self: Any, images: Any) -> Any:
    return nn.Linear(784, 10)(images.flatten(1))


def calls_other(self: Any, images: Any) -> Any:
    return counted(self.layer(images.flatten(1)))


def counted(signal: Any) -> Any:
    TABLE["calls"] += 1
    return signal


def calls_method(self: Any, images: Any) -> Any:
    return self.counted(self.layer(images.flatten(1)))


def count_method(self: Any, signal: Any) -> Any:
    self.steps += 1
    return signal


def through_local(self: Any, images: Any) -> Any:
    for layer in [self]:
        images = layer.mean(images)
    return self.layer(images.flatten(1))


def reads_property(self: Any, images: Any) -> Any:
    return self.layer(images.flatten(1)) * self.temperature


def decorated(forward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(forward)
    def wrapper(self: Any, images: Any) -> Any:
        self.steps += 1
        return forward(self, images)

    return wrapper


def plain(self: Any, images: Any) -> Any:
    return self.layer(images.flatten(1))


IMPURE = (
    attribute, attribute_of_layer, attribute_by_name, attribute_in_dict, attribute_of_class, container, default,
    global_name, global_container, reads_container, python_random, clock, imports, tensor_in_place, into_tensor,
    data_of_weight, tensor_hook, seeds_torch, new_layer, calls_other, decorated(plain),
)  # fmt: skip


@pytest.mark.parametrize("forward", IMPURE, ids=lambda forward: forward.__name__)
def test_whatever_may_do_more_than_compute_is_named(forward: Callable[..., Any]) -> None:
    assert impurity(made_of(plain)) is None
    assert "Made: " in str(impurity(made_of(forward)))


def switched(self: Any, mode: bool = True) -> Any:
    self.steps += 1
    return nn.Module.train(self, mode)


@pytest.mark.parametrize(
    ("forward", "members"),
    [
        (calls_method, {"counted": count_method}),
        (through_local, {"mean": count_method}),
        (reads_property, {"temperature": property(lambda self: self.__dict__.__setitem__("steps", 1))}),
        (plain, {"train": switched}),
        (plain, {"__call__": attribute}),
        (plain, {"__getattr__": lambda self, name: nn.Module.__getattr__(self, name)}),
        (plain, {"parameters": lambda self, recurse=True: iter([self.layer.weight] * recurse)}),
    ],
)
def test_what_a_class_defines_beside_its_forward_pass_counts_too(forward: Any, members: dict[str, Any]) -> None:
    assert impurity(made_of(forward, **members))


@pytest.mark.parametrize(
    "value", [iter([1]), random.Random(0), torch.Generator(), [nn.Linear(1, 1)], time.monotonic, object(), len]
)
def test_what_a_layer_holds_counts_too(value: object) -> None:
    model = made_of(plain)
    model.held = value  # type: ignore[assignment]
    assert impurity(model)
    assert impurity(nn.Sequential(nn.Flatten(), nn.Linear(784, 10), model))


def test_hooks_and_replaced_methods_count_too() -> None:
    hooked, replaced, parameter = (made_of(plain) for _ in range(3))
    hooked.layer.register_forward_pre_hook(lambda *_: None)  # type: ignore[union-attr, operator]
    replaced.forward = lambda images: images
    next(parameter.parameters()).register_hook(lambda gradient: gradient)  # type: ignore[no-untyped-call]
    assert all(impurity(model) for model in (hooked, replaced, parameter))


class Innocent(Net):
    """Much of what people write, all of it harmless."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)])
        self.activation = F.gelu
        self.sizes = (4, 24)

    @property
    def width(self) -> int:
        return self.sizes[0] * self.sizes[1] ** 2

    def helper(self, maps: torch.Tensor) -> torch.Tensor:
        return scaled(maps) if self.training else F.relu(maps)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means: list[torch.Tensor] = []
        self.count.add_(1)  # type: ignore[operator]
        maps = images
        for conv in self.convs:
            maps = self.activation(conv(maps))
            means.append(maps.mean(dim=(1, 2, 3)))
        maps = torch.cat([self.helper(maps), maps], dim=1)[:, : self.sizes[0]]
        with torch.no_grad():
            bias = torch.stack(means).mean()
        assert maps.dim() == 4, f"{maps.shape}"
        logits = self.layer(images.flatten(1))
        logits += bias
        return logits + maps.reshape(len(maps), self.width).mean(1, keepdim=True)  # type: ignore[no-any-return]


def scaled(maps: torch.Tensor) -> torch.Tensor:
    return maps * SCALE if isinstance(maps, torch.Tensor) else maps


def test_harmless_code_is_proved_harmless() -> None:
    assert impurity(Innocent()) is None
    assert [name for name in list_models() if impurity(create_model(name))] == []
    assert [name for name, make in CAPTURED.items() if impurity(make())] == []


def test_nothing_is_called() -> None:
    called = [name for name, make in EAGER.items() if "calls" in vars(make())]
    assert called == []
    model = made_of(attribute)
    impurity(model)
    assert model.steps == 0
