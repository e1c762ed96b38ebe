"""Features of frozen layers, the head on top of them, and how sure a model is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.probes import features
from bench.probes.activations import FeatureLayer, feature_layer, forward_pass, layer_inputs, peak_activations
from bench.probes.calibration import binned, measure
from bench.probes.linear_probe import linear_probe_predictions
from bench.probes.trained_model import TrainedModel
from tests.support.trained import Mnist, make_trained


@pytest.mark.parametrize(
    ("model", "name", "dimension"),
    [("softmax", "1", 784), ("mlp", "5", 128), ("mlp_matched", "3", 530), ("cnn", "7", 3136)],
)
def test_features_are_the_last_hidden_layer_or_the_conv_stack(
    mnist: Mnist, tmp_path: Path, model: str, name: str, dimension: int
) -> None:
    trained = make_trained(mnist, tmp_path, model, test=30)
    layer = feature_layer_of(trained)
    assert layer is not None
    assert (layer.call.name, layer.call.layer.in_features) == (name, dimension)
    seen = layer_inputs(name, trained.model, trained.test.images, trained.recipe, trained.device)
    assert seen.shape == (30, dimension)
    head = trained.model[int(name) :]  # type: ignore[index]
    assert torch.allclose(head(seen), trained.evaluate(trained.test.images).logits, atol=1e-5)


def feature_layer_of(trained: TrainedModel) -> FeatureLayer | None:
    followed = forward_pass(trained.model, trained.test.images, trained.recipe, trained.device)
    return feature_layer(trained.model, followed.calls)


def test_peaks_are_the_largest_outputs_of_each_filter(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "cnn", test=7)
    layer = trained.model[0]  # type: ignore[index]
    peaks = peak_activations(layer, trained.model, trained.test.images, trained.recipe, trained.device)
    pixels = (torch.from_numpy(trained.test.images).unsqueeze(1) / 255 - 0.5) / 0.5
    assert torch.allclose(peaks, layer(pixels).amax((2, 3)), atol=1e-5)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_head_learns_what_can_be_separated_at_any_scale(scale: float) -> None:
    random = np.random.default_rng(0)
    labels = torch.from_numpy(random.integers(0, 4, 4000))
    points = torch.randn(4000, 6, generator=torch.Generator().manual_seed(0)) + 4 * torch.eye(4, 6)[labels] + 100
    answers = linear_probe_predictions(points[:3000] * scale, labels[:3000], points[3000:] * scale, 4, seed=0)
    assert (answers == labels[3000:]).float().mean() > 0.95
    again = linear_probe_predictions(points[:3000] * scale, labels[:3000], points[3000:] * scale, 4, seed=0)
    assert torch.equal(answers, again)


def test_features_that_never_vary_give_an_answer() -> None:
    labels = torch.tensor([0, 1] * 50)
    assert linear_probe_predictions(torch.ones(100, 3), labels, torch.ones(10, 3), 2, seed=0).shape == (10,)


def test_features_of_a_layer_learnt_and_random(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "mlp", train=1000)
    output = features.measure(trained)
    assert output.numbers["trained"] == output.numbers["random"] > 0.4, "the stored weights are the initial ones here"
    assert output.numbers["trained_alone"] == output.numbers["random_alone"] == 0
    assert output.numbers["dimension"] == 128
    assert output.notes["layer"] == "last hidden layer (input of layer 5)"
    assert output.arrays["filters"].shape == (12, 28, 28)
    assert output.arrays["strongest"].shape == (12, 4, 28, 28)
    with torch.no_grad():
        trained.model[3].weight.zero_()  # type: ignore[index,operator,union-attr]
    worse = features.measure(trained).numbers
    assert worse["random"] == output.numbers["random"]
    assert worse["trained"] < 0.3
    assert worse["trained"] - worse["random"] == pytest.approx(worse["trained_alone"] - worse["random_alone"])


def test_pixels_and_designed_features_stand_for_a_model_without_hidden_layer(mnist: Mnist, tmp_path: Path) -> None:
    output = features.measure(make_trained(mnist, tmp_path, "softmax", train=1000))
    assert output.numbers["hog"] > output.numbers["pixels"] > 0.7
    assert (output.numbers["pixels_dimension"], output.numbers["hog_dimension"]) == (784, 1296)
    assert output.notes["hog"] == "9 orientations, cells of 4x4 pixels, blocks of 2x2 cells, L2-Hys"


def test_the_error_of_calibration_is_the_mean_gap() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.50, 0.50, 1.0, 1 / 15])
    right = np.array([True, True, True, False, True, False, True, False])
    bins = binned(confidence, right)
    # bins 14 (five answers, mean 0.96, four right), 7 (two, one right) and 0 (one, wrong)
    assert {name: bins[f"count_{name}"] for name in (14, 7, 0)} == {14: 5, 7: 2, 0: 1}
    assert bins["ece"] == pytest.approx((5 * abs(0.96 - 0.8) + 2 * 0 + 1 / 15) / 8)
    assert binned(np.ones(4), np.ones(4, dtype=bool))["ece"] == 0


def test_calibration_of_a_model_that_knows_nothing(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "softmax")
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.zero_()
    numbers = measure(trained).numbers
    assert numbers["confidence_1"] == pytest.approx(0.1)
    assert numbers["ece"] == pytest.approx(abs(0.1 - trained.accuracy(trained.test.images)))
