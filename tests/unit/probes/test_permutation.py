"""The columns of the first layer, exchanged like the pixels: where that must change nothing, and where it may."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from bench.common.errors import UserError
from bench.probes import permutation
from bench.probes.permutation import DoesNotApplyError, permuted_columns
from bench.probes.shuffling import correct_shuffled, shuffle_pixels
from tests.support.architectures import ARCHITECTURES
from tests.support.architectures.pure import Body
from tests.support.trained import Mnist, make_trained

Tensor = torch.Tensor


@pytest.mark.parametrize("model", ["softmax", "mlp", "mlp_matched"])
def test_a_model_of_vectors_gives_the_same_logits_with_its_columns_exchanged(
    mnist: Mnist, tmp_path: Path, model: str
) -> None:
    trained = make_trained(mnist, tmp_path, model)
    weights = [parameter.clone() for parameter in trained.model.parameters()]
    numbers = permuted_columns(trained)
    assert numbers["columns_gap"] < 1e-5 * max(1, numbers["columns_logit"])
    assert numbers["columns_answers"] == 0
    assert all(torch.equal(*pair) for pair in zip(weights, trained.model.parameters(), strict=True)), "left as it was"
    unchanged = trained.evaluate(shuffle_pixels(trained.test.images, 1)).logits
    assert (unchanged - trained.evaluate(trained.test.images).logits).abs().max() > 0.01, "the permutation is one"


class Branched(Body):
    """The image scales the answer by a way of its own."""

    def __init__(self, branch: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * self.branch(images).unsqueeze(1)


class Masked(nn.Linear):
    def forward(self, signal: Tensor) -> Tensor:
        return nn.functional.linear(signal, self.weight * (self.weight > 0), self.bias)


class Penalised(Body):
    """Its weights are read elsewhere, though by no layer."""

    def between(self, signal: Tensor) -> Tensor:
        return signal * self.first.weight[0, :10].sum()


class TwiceSeen(Body):
    def forward(self, images: Tensor) -> Tensor:
        pixels = images.flatten(1)
        return self.head((self.first(pixels) + self.first(pixels.flip(1))).relu())  # type: ignore[no-any-return]


class InPlace(Body):
    """Does apply: what works in place on the first layer's output is no other way for the image."""

    def between(self, signal: Tensor) -> Tensor:
        return signal.mul_(2).relu_()


def hooked_first() -> nn.Module:
    model = Body()
    model.first.register_forward_hook(lambda _, inputs, output: output + inputs[0][:, :1])
    return model


def replaced_first() -> nn.Module:
    model = Body()
    plain = model.first.forward
    model.first.forward = lambda signal: plain(signal.flip(1))  # type: ignore[method-assign]
    return model


def with_first(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Linear(32, 10))


COMPUTED = "its first layer computes its weights, or does more than to multiply with them"
OTHER_INPUT = "its first layer is given something else than the pixels in order"
BESIDE = "something beside its first layer reads the image"
ELSEWHERE = "the weights of its first layer are used elsewhere too"
EXCLUDED = {
    "mean_beside": (lambda: Branched(lambda images: images.mean((1, 2, 3))), BESIDE),
    "gate_beside": (lambda: Branched(lambda images: (images[:, 0, 14, 14] > 0).float()), BESIDE),
    "tied": (ARCHITECTURES["tied_weights"], ELSEWHERE),
    "read_elsewhere": (Penalised, ELSEWHERE),
    "weight_norm": (lambda: with_first(parametrizations.weight_norm(nn.Linear(784, 32))), COMPUTED),
    "old_weight_norm": (ARCHITECTURES["old_weight_norm"], COMPUTED),
    "pruned": (ARCHITECTURES["pruned"], COMPUTED),
    "masked": (lambda: with_first(Masked(784, 32)), COMPUTED),
    "hooked": (hooked_first, COMPUTED),
    "replaced": (replaced_first, COMPUTED),
    "twice": (TwiceSeen, "its first layer is called several times"),
    "fourier": (ARCHITECTURES["complex_fourier"], OTHER_INPUT),
    "rows": (ARCHITECTURES["attention"], OTHER_INPUT),
    "conv": (ARCHITECTURES["plain_cnn"], "its first layer is not linear: it is Conv2d"),
    "lstm": (ARCHITECTURES["lstm"], "its first layer is not linear: it is LSTM"),
    "no_weights": (lambda: nn.Sequential(nn.Flatten(), nn.AvgPool1d(78)), "its first layer is not linear: no layer"),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("name", EXCLUDED)
def test_where_the_image_comes_in_otherwise_there_are_no_numbers_but_the_reason(
    mnist: Mnist, tmp_path: Path, name: str
) -> None:
    make, reason = EXCLUDED[name]
    trained = make_trained(mnist, tmp_path, "softmax")
    object.__setattr__(trained, "model", make())
    before = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
    logits = trained.evaluate(trained.test.images).logits
    with pytest.raises(DoesNotApplyError, match=f"^{reason}"):
        permuted_columns(trained)
    assert torch.equal(logits, trained.evaluate(trained.test.images).logits)
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.model.state_dict().items())


@pytest.mark.parametrize("make", [InPlace, ARCHITECTURES["one_layer_twice"], ARCHITECTURES["keeps_mask"]])
def test_it_applies_to_whatever_sees_the_image_through_one_plain_layer(
    mnist: Mnist, tmp_path: Path, make: Callable[[], nn.Module]
) -> None:
    trained = make_trained(mnist, tmp_path, "softmax")
    object.__setattr__(trained, "model", make())
    numbers = permuted_columns(trained)
    assert numbers["columns_gap"] < 1e-5
    assert numbers["columns_answers"] == 0
    assert not any(module._forward_hooks for module in trained.model.modules())


def test_the_probe_records_the_numbers_or_the_reason(mnist: Mnist, tmp_path: Path) -> None:
    vectors = permutation.measure(make_trained(mnist, tmp_path, "softmax", train=200, test=50))
    maps = permutation.measure(make_trained(mnist, tmp_path, "cnn", train=200, test=50))
    assert {"columns_gap", "columns_logit", "columns_answers"} < vectors.numbers.keys()
    assert vectors.notes == {}
    assert maps.numbers.keys() == {"ordered", "permuted", "ordered_alone", "permuted_alone"}
    assert maps.notes == {"columns": "its first layer is not linear: it is Conv2d"}


def test_a_recipe_that_changes_images_is_not_asked_about_shuffled_ones(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "softmax")
    moved = replace(trained, recipe=trained.recipe.changed(augmentation={"shift": 1}))
    with pytest.raises(UserError, match="means nothing in shuffled ones"):
        correct_shuffled(moved, block=1)
    assert correct_shuffled(trained, block=1).shape == (300,)
