"""Which layer gives a model's features, for models of all kinds; a layer that is not called gives none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.probes import features
from bench.probes.activations import LAST, feature_layer, forward_pass, layer_inputs
from bench.probes.trained_model import TrainedModel
from bench.training.evaluate import evaluate
from bench.training.pipeline import to_device
from models import registry
from tests.support.architectures import ARCHITECTURES
from tests.support.architectures.pure import Body, small_cnn, small_mlp
from tests.support.trained import Mnist, make_trained

Tensor = torch.Tensor
STACK, HIDDEN = "output of the conv stack", "last hidden layer"


class SqueezeExcite(nn.Module):
    """A linear layer amid the convolutions, which weighs the maps."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(1, 6, 5, stride=2), nn.Conv2d(6, 6, 3, stride=2)
        self.weigh, self.head = nn.Linear(6, 6), nn.Linear(6 * 25, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.near(images).relu()
        maps = maps * self.weigh(maps.mean((2, 3))).sigmoid()[:, :, None, None]
        return self.head(self.far(maps).relu().flatten(1))  # type: ignore[no-any-return]


class UncalledBetween(nn.Module):
    """Between convolution and head a linear layer whose weights are used without calling it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.head = nn.Conv2d(1, 2, 5, stride=5), nn.Linear(50, 20), nn.Linear(20, 10)

    def forward(self, images: Tensor) -> Tensor:
        signal = F.linear(self.conv(images).flatten(1), self.hidden.weight, self.hidden.bias)
        return self.head(input=signal.relu())  # type: ignore[no-any-return]


class Unmixed(nn.Module):
    """The head works on each row of pixels, and their mean is the answer."""

    def __init__(self, rows_first: bool) -> None:
        super().__init__()
        self.rows_first, self.embed, self.head = rows_first, nn.Linear(28, 8), nn.Linear(8, 10)

    def forward(self, images: Tensor) -> Tensor:
        rows = images.squeeze(1).transpose(0, 1) if self.rows_first else images.squeeze(1)
        return self.head(self.embed(rows).relu()).mean(0 if self.rows_first else 1)  # type: ignore[no-any-return]


class Differences(nn.Linear):
    """Its weights are multiplied with something else than it is given."""

    def __init__(self) -> None:
        super().__init__(392, 10)

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)
        return super().forward(pixels[:, :392] - pixels[:, 392:])


class Functional(nn.Module):
    """No layer is called at all."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, images: Tensor) -> Tensor:
        return F.linear(images.flatten(1), self.layer.weight, self.layer.bias)


class ThenInPlace(Body):
    """Works in place on what the head was given, once the head is done."""

    def forward(self, images: Tensor) -> Tensor:
        signal = self.first(images.flatten(1)).relu()
        logits = self.head(signal)
        signal.zero_()
        return logits  # type: ignore[no-any-return]


class CalledTwice(Body):
    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Linear(10, 32)

    def between(self, signal: Tensor) -> Tensor:
        return self.again(self.head(signal)).relu()  # type: ignore[no-any-return]


KINDS: dict[str, tuple[Callable[[], nn.Module], str, str, int]] = {
    "vit": (ARCHITECTURES["transformer"], HIDDEN, "head", 16),
    "attention": (ARCHITECTURES["attention"], HIDDEN, "head", 16),
    "lstm": (ARCHITECTURES["lstm"], HIDDEN, "head", 16),
    "cells": (ARCHITECTURES["gru_cell"], HIDDEN, "head", 16),
    "one_layer_twice": (ARCHITECTURES["one_layer_twice"], HIDDEN, "stack.3", 32),
    "called_twice": (CalledTwice, HIDDEN, "head", 32),
    "view": (ARCHITECTURES["view_after_conv"], STACK, "head", 128),
    "norms": (lambda: small_cnn(nn.BatchNorm2d(6), nn.PReLU()), STACK, "5", 864),
    "up": (ARCHITECTURES["conv_transpose"], STACK, "head", 392),
    "weight_norm": (
        lambda: nn.Sequential(
            torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 5, stride=5)), nn.Flatten(), nn.Linear(50, 10)
        ),
        STACK,
        "2",
        50,
    ),
    "squeeze_excite": (SqueezeExcite, HIDDEN, "head", 150),
    "uncalled_between": (UncalledBetween, HIDDEN, "head", 20),
    "rows": (lambda: Unmixed(rows_first=False), HIDDEN, "head", 28 * 8),
    "in_place": (ThenInPlace, HIDDEN, "head", 32),
    "fourier": (ARCHITECTURES["complex_fourier"], HIDDEN, "head", 784),
}


def with_model(
    mnist: Mnist, folder: Path, make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> TrainedModel:
    monkeypatch.setitem(registry._FACTORIES, "mine", lambda **_: make())
    return make_trained(mnist, folder, "mine", train=300, test=100)


@pytest.mark.parametrize("name", KINDS)
def test_features_are_those_of_a_layer_that_is_called_and_are_called_what_they_are(
    name: str, mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, kind, layer, width = KINDS[name]
    trained = with_model(mnist, tmp_path, make, monkeypatch)
    output = features.measure(trained)
    assert output.notes["layer"] == f"{kind} (input of layer {layer})"
    assert output.numbers["dimension"] == width
    assert output.numbers["trained"] == output.numbers["random"] > 0, "the stored weights are the initial ones here"
    assert not any(module._forward_hooks for module in trained.model.modules())
    assert trained.model.training, "as it was before"


def test_inputs_are_those_that_the_layer_was_given_last(
    mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = with_model(mnist, tmp_path, CalledTwice, monkeypatch)
    images = np.concatenate([mnist[1].images[:300].numpy()])
    seen = layer_inputs("head", trained.model, images, trained.recipe, trained.device)
    data = to_device(torch.from_numpy(images), mnist[1].labels[:300], trained.device)
    head = trained.model.get_submodule("head")
    assert torch.allclose(head(seen), evaluate(trained.model, data, trained.recipe).logits, atol=1e-5)
    followed = forward_pass(trained.model, images, trained.recipe, trained.device)
    assert [call.name for call in followed.calls] == ["first", "head", "again", "head"]
    layer = feature_layer(trained.model, followed.calls)
    assert layer is not None
    assert layer.which == LAST


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: nn.Sequential(nn.Conv2d(1, 10, 28), nn.Flatten()), "none: the model has no linear layer"),
        (Functional, "none: no linear layer is called"),
        (Differences, "none: no linear layer is called"),
        (lambda: Unmixed(rows_first=True), "none: layer head is not given one row for each image"),
    ],
)
def test_where_there_are_no_features_the_note_says_why(
    mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], nn.Module], reason: str
) -> None:
    output = features.measure(with_model(mnist, tmp_path, make, monkeypatch))
    assert (output.numbers, output.notes, output.arrays) == ({}, {"layer": reason}, {})


@pytest.mark.parametrize("name", ["lazy_linear", "built_at_first_batch", "shaped_at_first_batch"])
def test_the_untrained_twin_of_a_model_that_is_built_at_its_first_batch_is_built(
    name: str, mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = with_model(mnist, tmp_path, ARCHITECTURES[name], monkeypatch)
    object.__setattr__(trained, "model", trained_once(trained))
    output = features.measure(trained)
    assert {"trained", "random"} <= output.numbers.keys() or output.notes["layer"] == "pixels"
    twin = trained.untrained().state_dict()
    assert {key: tensor.shape for key, tensor in twin.items()} == {
        key: tensor.shape for key, tensor in trained.model.state_dict().items()
    }
    again = trained.untrained().state_dict()
    assert all(torch.equal(tensor, again[key]) for key, tensor in twin.items())


def trained_once(trained: TrainedModel) -> nn.Module:
    with torch.no_grad():
        trained.model.train()(torch.rand(128, 1, 28, 28))
    return trained.model


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (small_mlp, (12, 28, 28)),
        (small_cnn, (6, 5, 5)),
        (lambda: nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10)), None),
        (ARCHITECTURES["attention"], None),
        (ARCHITECTURES["five_dimensions"], None),
        (ARCHITECTURES["lstm"], None),
        (ARCHITECTURES["complex_fourier"], None),
        (Differences, None),
    ],
)
def test_filters_are_pictures_of_a_first_layer_of_the_image_alone(
    mnist: Mnist,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[], nn.Module],
    shape: tuple[int, ...] | None,
) -> None:
    arrays = features.measure(with_model(mnist, tmp_path, make, monkeypatch)).arrays
    assert (arrays["filters"].shape if arrays else None) == shape
    assert not arrays or arrays["strongest"].shape == (shape[0] if shape else 0, 4, 28, 28)
