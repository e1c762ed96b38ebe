"""Captured steps against eager ones, to the bit, and the models that cannot be captured."""

import pytest
import torch
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.records.schema import Execution
from bench.training.epoch_loop import StepByStep, batches_of_each_size
from bench.training.model.initial import ModelBuilder, initial_model
from bench.training.pipeline import DeviceData, epoch_order, to_device
from bench.training.train_step import Batch, EagerStep, StepMethod, choose_method
from models import list_models
from tests.support.networks import ChangesItsMind, LooksAtValues, OneLayer, WithMemory, copies

CPU = torch.device("cpu")
EAGER = StepMethod(Execution(mode="eager"), {})


@pytest.fixture
def data(mnist: tuple[datasets.Split, datasets.Split]) -> DeviceData:
    """Seven whole batches and one of 104."""
    train, _ = mnist
    return to_device(train.images[:1000], train.labels[:1000], CPU)


@pytest.fixture
def batches(data: DeviceData) -> list[Batch]:
    return batches_of_each_size(data, ARTICLE.batch_size)


class LeavesOneOut(OneLayer):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)


class PartlyFrozen(OneLayer):
    def __init__(self) -> None:
        super().__init__()
        self.layer.bias.requires_grad_(False)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", list_models())
def test_every_model_is_captured_and_learns_the_same_to_the_bit(
    data: DeviceData, batches: list[Batch], name: str, precision: str
) -> None:
    recipe = ARTICLE.changed(precision=precision)
    method = choose_method(ModelBuilder(name, 10, 0, CPU), recipe, batches)
    assert method.execution == Execution(mode="captured")
    weights, losses = [], []
    for candidate in (EAGER, method):
        model = initial_model(name, 10, 0, CPU)
        run_epoch = StepByStep(candidate.step(model, recipe), data, recipe.batch_size)
        generator = torch.Generator().manual_seed(1)
        losses.append([run_epoch(epoch_order(len(data), generator)).item() for _ in range(2)])
        weights.append(model.state_dict())
    assert losses[0] == losses[1]
    assert losses[0][1] < losses[0][0]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_batch_statistics_and_dropout_are_captured_too(data: DeviceData, batches: list[Batch]) -> None:
    model = WithMemory()
    method = choose_method(copies(model), ARTICLE, batches)
    assert method.execution.mode == "captured"
    before = model.norm.running_mean.clone()  # type: ignore[union-attr, operator]
    method.step(model, ARTICLE)(data.images[:128], data.labels[:128])
    assert model.norm.num_batches_tracked == 1
    assert not torch.equal(model.norm.running_mean, before)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (LooksAtValues, "cannot be captured: "),
        (LeavesOneOut, "cannot be captured: RuntimeError: The differentiated Tensor"),
        (ChangesItsMind, "a step changes calls"),
        (PartlyFrozen, "the captured steps gave other weights"),
    ],
)
def test_what_cannot_be_captured_is_stepped_eagerly_and_says_why(
    batches: list[Batch], model: type[nn.Module], reason: str
) -> None:
    method = choose_method(model, ARTICLE, batches)
    assert method.execution.mode == "eager"
    assert method.execution.reason.startswith(reason)
    assert isinstance(method.step(model(), ARTICLE), EagerStep)


def test_choosing_leaves_the_model_as_it_is(batches: list[Batch]) -> None:
    model = WithMemory()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    choose_method(copies(model), ARTICLE, batches)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(("size", "expected"), [(1000, [128, 104]), (256, [128]), (100, [100]), (129, [128, 1])])
def test_a_batch_of_each_size_is_warmed_up_with(data: DeviceData, size: int, expected: list[int]) -> None:
    few = DeviceData(data.images[:size], data.labels[:size])
    batches = batches_of_each_size(few, 128)
    assert [len(labels) for _, labels in batches] == [length for length in expected for _ in range(2)]
    assert size == 100 or not torch.equal(batches[0][0], batches[1][0]), "other images"
