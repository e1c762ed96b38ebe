"""Flags on a trained model's answers, and what is optional."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.records.schema import Flag
from bench.training.model.checks import find_flags
from bench.training.pipeline import to_device
from bench.training.timing import Clocks
from bench.training.train import train
from models import create_model, list_models
from tests.support.architectures import ARCHITECTURES
from tests.support.architectures.pure import Body, small_mlp

CPU = torch.device("cpu")
ONE_EPOCH = ARTICLE.changed(epochs=1)


def flags_of(make: Callable[[], nn.Module], mnist: tuple[datasets.Split, datasets.Split]) -> dict[str, str]:
    def build() -> nn.Module:
        torch.manual_seed(0)
        return make()

    data = [to_device(split.images[:1200], split.labels[:1200], CPU) for split in mnist]
    train_data, test_data = data
    model = build()
    history = train(model, ONE_EPOCH, train_data, test_data, 0, Clocks(CPU), build)
    flags: list[Flag] = [*find_flags(model, history, ONE_EPOCH, train_data, test_data, build)]
    return {flag.name: flag.note for flag in flags}


class DropoutAlways(Body):
    def between(self, signal: torch.Tensor) -> torch.Tensor:
        return F.dropout(signal, 0.5)


class SharesMean(Body):
    """Takes the mean of the batch away, in evaluation too."""

    def between(self, signal: torch.Tensor) -> torch.Tensor:
        return signal - signal.mean(0)


class AdaptsToTest(Body):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(32))
        self.mean: torch.Tensor

    def between(self, signal: torch.Tensor) -> torch.Tensor:
        if not self.training:
            self.mean.lerp_(signal.mean(0), 0.1)
        return signal - self.mean


class BuiltLate(Body):
    def __init__(self) -> None:
        super().__init__()
        self.calls, self.late = 0, None

    def between(self, signal: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls == 3:
            self.late = nn.Linear(32, 32)  # type: ignore[assignment]
        return signal if self.late is None else self.late(signal)


class DrawsUnseeded(Body):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.from_numpy(np.random.default_rng().permutation(32)))
        self.order: torch.Tensor

    def between(self, signal: torch.Tensor) -> torch.Tensor:
        return signal[:, self.order]


@pytest.mark.parametrize(
    ("make", "flag", "words"),
    [
        (lambda: small_mlp().append(nn.Softmax(1)), "no_logits", "sum to 1"),
        (lambda: small_mlp().append(nn.LogSoftmax(1)), "no_logits", "log-probabilities"),
        (lambda: small_mlp().append(nn.Sigmoid()), "no_logits", "between 0 and 1"),
        (lambda: small_mlp().append(nn.Softplus()), "no_logits", "no output is negative"),
        (DropoutAlways, "answers_differ", " of 500 images"),
        (SharesMean, "batch_matters", "depends on the others"),
        (AdaptsToTest, "evaluation_changes", "evaluation changes mean"),
        (ARCHITECTURES["running_mean"], "not_in_weights", "training changed mean"),
        (DrawsUnseeded, "not_repeatable", "another order"),
        (BuiltLate, "not_trained", "late.weight, late.bias"),
    ],
)
def test_what_must_be_read_with_care_is_flagged(
    make: Callable[[], nn.Module], flag: str, words: str, mnist: tuple[datasets.Split, datasets.Split]
) -> None:
    flags = flags_of(make, mnist)
    assert words in flags[flag]


HONEST = (
    "batch_norm", "dropout", "lstm", "transformer", "counts_in_buffer", "keeps_mask", "keeps_buffer", "lazy_linear",
    "pruned",
    "built_at_first_batch", "shaped_at_first_batch", "one_layer_twice", "complex_fourier", "spectral_norm",
)  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_model_has_no_flag(name: str, mnist: tuple[datasets.Split, datasets.Split]) -> None:
    assert flags_of(ARCHITECTURES[name], mnist) == {}


@pytest.mark.parametrize("name", list_models())
def test_no_registered_model_has_a_flag(name: str, mnist: tuple[datasets.Split, datasets.Split]) -> None:
    assert flags_of(lambda: create_model(name), mnist) == {}
