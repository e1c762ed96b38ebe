"""The layers and weights taken out of a model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.probes import network
from bench.records import network_export
from models import create_model, list_models
from tests.support.trained import Mnist, make_trained

TEN = torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("model", list_models())
def test_what_is_taken_out_answers_like_the_model(mnist: Mnist, tmp_path: Path, model: str) -> None:
    output = network.measure(make_trained(mnist, tmp_path, model, test=30))
    assert output.numbers["deviation"] < 1e-3
    assert (output.numbers["pixel_mean"], output.numbers["pixel_std"]) == (0.5, 0.5)
    assert {array.dtype for array in output.arrays.values()} == {np.dtype(np.float16)}
    assert output.numbers["weights"] == sum(weights.numel() for weights in create_model(model).parameters())
    assert network_export.shape_after(network_export.from_text(output.notes["layers"]), output.arrays) == (10,)


class Functional(nn.Module):
    """Written as a function, with what does nothing outside training, and a convolution that takes strides."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, (5, 3), stride=(2, 1), padding=(1, 2), bias=False)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(4 * 7 * 15, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled = F.max_pool2d(F.relu(self.conv(images)), 3, stride=2, padding=1)
        return self.out(torch.flatten(F.dropout(self.drop(pooled).tanh(), 0.5, self.training), 1))


def test_functions_and_strides_are_understood_and_dropout_is_left_away() -> None:
    model = Functional()
    layers, arrays = network.extract_layers(model)
    kinds = ["conv2d", "relu", "max_pool2d", "tanh", "flatten", "linear"]
    assert [layer.kind for layer in layers] == kinds
    assert model.training, "as it was before"
    assert torch.allclose(network.logits(layers, arrays, TEN), model.eval()(TEN), atol=5e-3)
    assert network_export.shape_after(layers, arrays) == (10,)
    assert network_export.from_text(network_export.to_text(layers)) == tuple(layers)


class Complex(nn.Module):
    """Its weights have imaginary parts, which half precision has not."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.layer = nn.Flatten(), nn.Linear(784, 10, dtype=torch.complex64)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(self.flat(images).to(torch.complex64)).abs()  # type: ignore[no-any-return]


def hooked(layer: nn.Module, hook: Callable[[torch.Tensor], torch.Tensor]) -> nn.Module:
    """A model that changes what a layer is given where no tracing sees it."""
    layer.register_forward_pre_hook(lambda _, inputs: hook(inputs[0]))
    return nn.Sequential(nn.Flatten(), layer, nn.Linear(9, 10))


class Residual(nn.Sequential):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flat = self[0](images)
        return self[2](flat + self[1](flat))


class Deciding(nn.Sequential):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self[0](images) if images.sum() > 0 else self[1](images)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(784), nn.Linear(784, 10)), "it has a layer LayerNorm"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2), nn.Flatten(), nn.Linear(1152, 10)), "it has a layer Conv2d"),
        (Residual(nn.Flatten(), nn.Linear(784, 784), nn.Linear(784, 10)), "its layers are no chain"),
        (Deciding(nn.Flatten(), nn.Flatten()), "it cannot be traced: TraceError"),
        (Complex(), "it calls to"),
        (hooked(nn.Linear(784, 9), lambda signal: signal * 2), "in half precision a probability is off by"),
        (hooked(nn.Linear(392, 9), lambda signal: signal[:, ::2]), "its layers do not fit each other"),
        (nn.Sequential(nn.MaxPool2d(2, (2,)), nn.Flatten(), nn.Linear(196, 10)), "its layers cannot be read: Valid"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 900), nn.Linear(900, 10)), "715,510 weights, a page holds"),
    ],
)
def test_what_a_page_cannot_compute_is_left_out_with_the_reason(
    mnist: Mnist, tmp_path: Path, model: nn.Module, reason: str
) -> None:
    trained = make_trained(mnist, tmp_path, "softmax", test=5)
    object.__setattr__(trained, "model", model)
    output = network.measure(trained)
    assert output.notes["left_out"].startswith(reason)
    assert output.arrays == {}
    assert "layers" not in output.notes


def test_a_call_that_is_not_known_is_named() -> None:
    class Sinus(nn.Sequential):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self[0](torch.sin(images))

    with pytest.raises(network.UnsupportedLayerError, match="it calls sin"):
        network.extract_layers(Sinus(nn.Flatten()))


def test_weights_too_large_for_half_precision_are_left_out(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "softmax", test=5)
    with torch.no_grad():
        trained.model[1].weight[0, 400] = 1e6  # type: ignore[index]
    output = network.measure(trained)
    assert output.notes["left_out"].startswith("in half precision a probability is off by")
    assert output.arrays == {}
