"""Every registered model, asked for by name; a new model is tested without anyone writing a test."""

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.runner.suites import SUITES
from bench.training.evaluate import evaluate
from bench.training.model.initial import initial_model
from bench.training.model.weights import portable_weights
from bench.training.pipeline import normalise, to_device
from bench.training.train_step import EagerStep
from models import create_model, list_models, register_model

CPU = torch.device("cpu")
every_model = pytest.mark.parametrize("name", list_models())


def test_the_articles_models_have_their_published_sizes() -> None:
    sizes = {name: sum(p.numel() for p in create_model(name).parameters()) for name in ("softmax", "mlp", "cnn")}
    # 784*10+10; 784*256+256 + 256*128+128 + 128*10+10; the article's CNN
    assert sizes == {"softmax": 7_850, "mlp": 235_146, "cnn": 421_642}


def test_a_name_registered_twice_is_refused() -> None:
    def cnn(num_classes: int = 10) -> nn.Module:
        return nn.Linear(1, num_classes)

    with pytest.raises(ValueError, match=r"registered twice: cnn\.py has it"):
        register_model(cnn)


def test_relu_after_pooling_computes_what_the_article_computes() -> None:
    from bench.throughput.frameworks.with_article import article_model

    ours, theirs = create_model("cnn"), article_model("cnn")
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images = torch.randn(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 10
    for model in (ours, theirs):
        F.cross_entropy(model(images), labels).backward()
    assert torch.equal(ours(images), theirs(images))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@every_model
@pytest.mark.parametrize("num_classes", [2, 10, 47])
def test_images_in_logits_out(name: str, num_classes: int) -> None:
    assert create_model(name, num_classes)(torch.zeros(3, 1, 28, 28)).shape == (3, num_classes)


@every_model
def test_loss_is_finite_and_every_parameter_gets_a_gradient(name: str) -> None:
    model = initial_model(name, 10, seed=0, device=CPU)
    images = torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    loss = F.cross_entropy(model(images), torch.arange(8))
    loss.backward()
    assert torch.isfinite(loss)
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@every_model
def test_it_overfits_one_batch_of_real_digits(name: str, mnist: tuple[datasets.Split, datasets.Split]) -> None:
    model = initial_model(name, 10, seed=0, device=CPU)
    step = EagerStep(model.train(), ARTICLE)
    batch = to_device(mnist[0].images[:32], mnist[0].labels[:32], CPU)
    for _ in range(300):
        loss = step(batch.images, batch.labels)
    assert loss < 0.2
    assert evaluate(model, batch, ARTICLE).accuracy == 1


@every_model
def test_a_seed_gives_the_same_weights_and_another_seed_others(name: str) -> None:
    first, again, other = (portable_weights(initial_model(name, 10, seed, CPU)) for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@every_model
def test_it_survives_save_and_load(name: str, mnist: tuple[datasets.Split, datasets.Split]) -> None:
    model, twin = (initial_model(name, 10, seed, CPU) for seed in (0, 1))
    twin.load_state_dict(safetensors.torch.load(safetensors.torch.save(portable_weights(model))))
    images = normalise(mnist[1].images[:20].unsqueeze(1), ARTICLE)
    assert torch.equal(model.eval()(images), twin.eval()(images))


def test_controls_are_trained_when_named_or_in_full() -> None:
    assert "mlp_matched" in set(list_models()) - set(list_models(controls=False))
    assert "mlp_matched" in set(list_models(controls=SUITES["full"].controls))


def test_the_matched_control_has_the_parameters_of_the_cnn_within_a_thousandth() -> None:
    sizes = [sum(parameter.numel() for parameter in create_model(name).parameters()) for name in ("mlp_matched", "cnn")]
    assert sizes == [421_360, 421_642]
