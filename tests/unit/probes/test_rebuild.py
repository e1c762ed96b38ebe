"""A model built anew from stored weights is the trained one, or no probe measures it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench.common.errors import UserError
from bench.data.datasets import Split
from bench.probes.execute import execute_probe
from bench.probes.rebuild import check_answers, load_weights
from bench.recipes.recipe import ARTICLE
from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.storage import Predictions
from bench.training.evaluate import evaluate
from bench.training.model.initial import ModelBuilder
from bench.training.model.weights import weight_bytes
from bench.training.pipeline import DeviceData, to_device
from bench.training.timing import Clocks
from bench.training.train import train
from bench.training.trial import pick_predictions
from models import create_model, registry
from tests.support.architectures import ARCHITECTURES
from tests.support.architectures.pure import Body
from tests.support.factories import make_trial
from tests.support.trained import Mnist

CPU = torch.device("cpu")
Tensor = torch.Tensor


class Wired(Body):
    """Wired at random when it is made, from a generator that nobody seeds."""

    def __init__(self) -> None:
        super().__init__()
        self.wiring = torch.from_numpy(np.random.default_rng().permutation(784))

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.flatten(1)[:, self.wiring])


class Scaled(Body):
    """Keeps a scale beside its tensors; where it grows, training changes it."""

    def __init__(self, grows: bool) -> None:
        super().__init__()
        self.grows, self.scale = grows, 1.0

    def get_extra_state(self) -> float:
        return self.scale

    def set_extra_state(self, _: float) -> None:
        raise AssertionError("what is no tensor is not stored")

    def between(self, signal: Tensor) -> Tensor:
        self.scale += self.training and self.grows
        return signal * self.scale


class Remembers(Body):
    """Training is another after the first steps of the first model; its class remembers them."""

    steps = 0

    def between(self, signal: Tensor) -> Tensor:
        Remembers.steps += self.training
        return signal * (2 if self.training and Remembers.steps > 20 else 1)


class Passing(Body):
    """Its buffer is no part of the state dict."""

    def __init__(self, moves: bool) -> None:
        super().__init__()
        self.moves = moves
        self.register_buffer("signs", torch.tensor([1.0, -1.0]).repeat(16), persistent=False)
        self.signs: Tensor

    def between(self, signal: Tensor) -> Tensor:
        if self.training and self.moves:
            self.signs -= 0.2
        return signal * self.signs


class ComparesInBatch(Body):
    def between(self, signal: Tensor) -> Tensor:
        return signal - signal.mean(0)


REBUILT: dict[str, Any] = {
    "extra_state": lambda: Scaled(grows=False),
    "not_persistent": lambda: Passing(moves=False),
    "compares_in_batch": ComparesInBatch,
}
REFUSED: dict[str, Any] = {
    "wired": Wired,
    "extra_state_changes": lambda: Scaled(grows=True),
    "not_persistent_changes": lambda: Passing(moves=True),
}
KEPT_BESIDE = {"counts_in_python", "iterates_on", "running_mean", "aliased_mean"}
"""Those of the common architectures whose answers depend on what is not in the state dict."""


RECIPE = ARTICLE.changed(epochs=2)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("name", [*ARCHITECTURES, *REBUILT, *REFUSED])
def test_what_is_rebuilt_answers_to_the_bit_or_is_refused(
    name: str, mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = (ARCHITECTURES | REBUILT | REFUSED)[name]
    monkeypatch.setitem(registry._FACTORIES, name, lambda **_: make())
    train_data, test_data = data(mnist[0], 1000), data(mnist[1], 700)
    build = ModelBuilder(name, 10, 0, CPU)
    model = build()
    final = train(model, RECIPE, train_data, test_data, 0, Clocks(CPU), build).final
    path = tmp_path / "w.safetensors"
    path.write_bytes(weight_bytes(model))
    rebuilt = build()
    load_weights(path, rebuilt, train_data.images, RECIPE)
    answers = pick_predictions(final, test_data)
    if name in KEPT_BESIDE or name in REFUSED:
        with pytest.raises(UserError, match=r"the rebuilt model gives another label for \d+ of \d+ images: something"):
            check_answers(rebuilt, answers, test_data, RECIPE)
        return
    check_answers(rebuilt, answers, test_data, RECIPE)
    assert torch.equal(evaluate(rebuilt, test_data, RECIPE).logits, final.logits)


def data(split: Split, count: int) -> DeviceData:
    return to_device(split.images[:count], split.labels[:count], CPU)


@pytest.fixture
def answers(mnist: Mnist) -> tuple[nn.Module, Predictions, DeviceData]:
    """A model with the seed's weights, its answers, and the test images they are to."""
    model, test = create_model("softmax"), data(mnist[1], 1500)
    return model, pick_predictions(evaluate(model, test, RECIPE), test), test


def test_one_label_or_one_confidence_is_a_difference(answers: tuple[nn.Module, Predictions, DeviceData]) -> None:
    model, stored, test = answers
    check_answers(model, stored, test, RECIPE)
    for label in (3, 200):  # the second is none of the ten
        predicted = stored.predicted.copy()
        predicted[499] = label if predicted[499] != label else 4
        with pytest.raises(UserError, match="gives another label for 1 of 500 images: something that shapes its"):
            check_answers(model, replace(stored, predicted=predicted), test, RECIPE)
    confidence = stored.example_confidence.copy()
    confidence[5] += 0.02
    with pytest.raises(UserError, match="is surer or less sure of 1 of 24 examples: something that shapes its"):
        check_answers(model, replace(stored, example_confidence=confidence), test, RECIPE)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="gives another label for 500 of 500 images"):
        check_answers(model, stored, test, RECIPE)


def test_examples_further_on_are_compared_in_the_batches_they_were_in(
    answers: tuple[nn.Module, Predictions, DeviceData],
) -> None:
    model, stored, test = answers
    index, confidence = stored.example_index.copy(), stored.example_confidence.copy()
    probabilities = evaluate(model, test, RECIPE).logits.softmax(1).amax(1).numpy()
    index[3], confidence[3] = 1_400, probabilities[1_400]
    check_answers(model, replace(stored, example_index=index, example_confidence=confidence), test, RECIPE)
    confidence[3] += 0.02
    with pytest.raises(UserError, match="surer or less sure of 1 of 24 examples"):
        check_answers(model, replace(stored, example_index=index, example_confidence=confidence), test, RECIPE)


def test_labels_as_likely_but_for_rounding_are_the_same(answers: tuple[nn.Module, Predictions, DeviceData]) -> None:
    """Another machine adds in another order: the first of two equal labels is no other model's."""
    model, _, test = answers
    layer = model[1]  # type: ignore[index]
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()[:2] = torch.tensor([1.0, 1.00001])
    tied = pick_predictions(evaluate(model, test, RECIPE), test)
    assert (tied.predicted == 1).all()
    check_answers(model, replace(tied, predicted=tied.predicted * 0), test, RECIPE)
    with pytest.raises(UserError, match="another label for 500 of 500 images"):
        check_answers(model, replace(tied, predicted=tied.predicted + 1), test, RECIPE)


def test_what_the_run_says_of_its_weights_is_told_and_believed(
    answers: tuple[nn.Module, Predictions, DeviceData],
) -> None:
    model, stored, test = answers
    doubts = ("its stored weights are not the whole model, training changed body.mean: 9 of 500 images",)
    with pytest.raises(UserError, match=r"would not measure what was trained: its stored .* changed body\.mean"):
        check_answers(model, stored, test, RECIPE, doubts)
    other = replace(stored, predicted=(stored.predicted + 1) % 10)
    with pytest.raises(UserError, match=r"another label for 500 of 500 images: .*\(its stored .* changed body\.mean"):
        check_answers(model, other, test, RECIPE, doubts)


def test_a_probe_without_stored_answers_is_refused(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(weight_bytes(create_model("softmax")))
    with pytest.raises(UserError, match=r"predictions are gone or damaged, .* remove its weights and the model is"):
        execute_probe(ProbeTask("calibration", make_trial(model="softmax"), path, 500), data_dir)


def test_a_probe_tells_whether_its_model_leaves_traces(
    mnist: Mnist, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._FACTORIES, "scaled", lambda **_: Scaled(grows=False))
    test = to_device(mnist[1].images, mnist[1].labels, CPU)
    for name, traces in (("softmax", False), ("scaled", True)):
        model = ModelBuilder(name, 10, 0, CPU)()
        path = tmp_path / "w.safetensors"
        path.write_bytes(weight_bytes(model))
        stored = pick_predictions(evaluate(model, test, RECIPE), test)
        output = execute_probe(ProbeTask("calibration", make_trial(model=name), path, 500, answers=stored), data_dir)
        assert output.leaves_traces == traces
        assert output.numbers["ece"] >= 0


def test_a_probe_that_trains_is_refused_where_models_do_not_begin_alike(
    mnist: Mnist, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._FACTORIES, "remembers", lambda **_: Remembers())
    monkeypatch.setitem(registry._FACTORIES, "scaled", lambda **_: Scaled(grows=False))
    monkeypatch.setattr(Remembers, "steps", 0)
    test = to_device(mnist[1].images, mnist[1].labels, CPU)
    path = tmp_path / "w.safetensors"

    def ask(name: str, probe: str) -> ProbeOutput:
        model = ModelBuilder(name, 10, 0, CPU)()
        path.write_bytes(weight_bytes(model))
        stored = pick_predictions(evaluate(model, test, RECIPE), test)
        trial = make_trial(model=name, epochs=1)
        return execute_probe(ProbeTask(probe, trial, path, 500, 2000, answers=stored), data_dir)

    assert ask("remembers", "calibration").numbers["ece"] >= 0, "which trains nothing"
    assert ask("scaled", "permutation").numbers["permuted"] > 0.3
    with pytest.raises(UserError, match="trained again, the model learns otherwise: something outside it remembers"):
        ask("remembers", "permutation")
