"""The networks that the playground computes, beside torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from bench.data.corruptions.geometry import rotated, scaled, shifted
from bench.data.corruptions.mnist_c import to_uint8
from bench.recipes.recipe import ARTICLE
from bench.records.storage import load_runs, runs_dir
from bench.report.pages.playground import first_digits
from bench.training.pipeline import normalise
from models import create_model, list_models
from tests.browser.conftest import Browser
from tests.browser.hands import bars, change, seen, take

pytest.importorskip("selenium", reason="make test-browser installs it")

pytestmark = pytest.mark.browser
MODELS = list_models(controls=False)


@pytest.fixture(scope="session")
def by_torch(results: Path) -> Callable[[str, np.ndarray], np.ndarray]:
    """Probabilities ``(N, 10)`` of uint8 images ``(N, 28, 28)``, by torch with the trained weights as stored."""
    trained = {}
    for run in load_runs(results)[0]:
        assert run.artifacts is not None
        model = create_model(run.trial.model)
        model.load_state_dict(safetensors.torch.load_file(runs_dir(results, run.machine) / run.artifacts.weights))
        trained[run.trial.model] = model.eval()
    assert trained.keys() == set(MODELS)

    @torch.inference_mode()
    def probabilities(model: str, images: np.ndarray) -> np.ndarray:
        pixels = normalise(torch.from_numpy(images).unsqueeze(1), ARTICLE)
        return trained[model](pixels).softmax(dim=1).numpy()

    return probabilities


def by_page(page: Browser, model: str, images: np.ndarray) -> np.ndarray:
    script = "return arguments[1].map(pixels => playground.probabilities(arguments[0], Uint8Array.from(pixels)))"
    return np.array(page.run(script, model, images.reshape(len(images), -1).tolist()))


def shift(images: np.ndarray, right: float, down: float) -> np.ndarray:
    steps = np.ones(len(images))
    return to_uint8(shifted(images.astype(np.float32) / 255, -right * steps, -down * steps))


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_are_those_of_torch(page: Browser, by_torch: Any, model: str, record_property: Any) -> None:
    digits, _ = first_digits("mnist")
    noise = np.random.default_rng(0).integers(0, 256, digits.shape, dtype=np.uint8)
    worst = 0.0
    for images in (digits, shift(digits, 3, -2), shift(digits, 2.5, 0), noise):
        difference = np.abs(by_page(page, model, images) - by_torch(model, images)).max()
        worst = max(worst, float(difference))
    record_property("largest deviation", worst)
    print(f"{model}: largest deviation from torch {worst:.2e}")
    assert worst < 1e-2


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, lambda digits: to_uint8(digits)),
        ({"right": 3, "down": -2}, lambda digits: to_uint8(shifted(digits, np.full(20, -3.0), np.full(20, 2.0)))),
        ({"right": -1.5}, lambda digits: to_uint8(shifted(digits, np.full(20, 1.5), np.zeros(20)))),
        ({"degrees": 30}, lambda digits: to_uint8(rotated(digits, np.full(20, -np.radians(30))))),
        ({"scale": 0.7}, lambda digits: to_uint8(scaled(digits, 0.7))),
    ],
)
def test_the_models_see_what_the_sliders_say(
    page: Browser, by_torch: Any, changed: dict[str, float], expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    pictures = expected(first_digits("mnist")[0].astype(np.float32) / 255)
    for digit in (0, 7, 14):
        take(page, digit)
        change(page, **changed)
        assert np.abs(seen(page).astype(int) - pictures[digit]).max() <= 1, "to the grey, but for rounding"
        percentages = bars(page)
        for model in MODELS:
            assert np.abs(np.array(percentages[model]) / 100 - by_torch(model, pictures[digit][None])[0]).max() < 1e-2
