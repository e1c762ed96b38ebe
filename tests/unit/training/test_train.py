import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE, Recipe
from bench.records.schema import Epoch, Execution
from bench.training.epoch_loop import PreparedEpochs, StepByStep
from bench.training.model.initial import ModelBuilder, initial_model
from bench.training.model.weights import portable_weights
from bench.training.pipeline import DeviceData, to_device
from bench.training.timing import Clocks
from bench.training.train import DivergedError, History, train
from bench.training.train_step import Duplicate, EagerStep
from tests.support.networks import copies

CPU = torch.device("cpu")
SHORT = ARTICLE.changed(epochs=2)


@pytest.fixture
def few(mnist: tuple[datasets.Split, datasets.Split]) -> tuple[DeviceData, DeviceData]:
    train_split, test_split = mnist
    return (
        to_device(train_split.images[:3000], train_split.labels[:3000], CPU),
        to_device(test_split.images[:1000], test_split.labels[:1000], CPU),
    )


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def trained(name: str, few: tuple[DeviceData, DeviceData], seed: int = 0) -> tuple[nn.Module, History]:
    build = ModelBuilder(name, 10, seed, CPU)
    model = build()
    return model, train(model, SHORT, *few, seed, Clocks(CPU), build)


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn"])
@pytest.mark.usefixtures("two_threads")
def test_a_seed_gives_the_same_weights_to_the_bit(name: str, few: tuple[DeviceData, DeviceData]) -> None:
    (first, history), (second, again), (other, _) = (trained(name, few, seed) for seed in (5, 5, 6))
    weights, same, different = map(portable_weights, (first, second, other))
    assert all(torch.equal(weights[key], same[key]) for key in weights)
    assert not all(torch.equal(weights[key], different[key]) for key in weights)
    assert [e.test_loss for e in history.epochs] == [e.test_loss for e in again.epochs]


def test_it_learns_and_tells_of_every_epoch(few: tuple[DeviceData, DeviceData]) -> None:
    epochs: list[Epoch] = []
    clocks = Clocks(CPU)
    model = initial_model("mlp", 10, 0, CPU)
    history = train(model, SHORT, *few, 0, clocks, copies(model), epochs.append)
    assert epochs == history.epochs
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert epochs[1].train_loss < epochs[0].train_loss  # type: ignore[operator]
    assert history.final.accuracy == epochs[-1].test_accuracy > 0.7
    assert sum(epoch.train_s for epoch in epochs) == pytest.approx(clocks.total("train"))
    assert sum(epoch.eval_s for epoch in epochs) == pytest.approx(clocks.total("eval"))


class WithMemory(nn.Module):
    """Dropout and batch statistics: what warm-up could leave traces in."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Dropout(0.5), nn.Linear(784, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)  # type: ignore[no-any-return]


def without_warm_up(
    model: nn.Module, recipe: Recipe, data: DeviceData, duplicate: Duplicate, seed: int
) -> PreparedEpochs:
    step = EagerStep(model.train(), recipe)
    return PreparedEpochs(StepByStep(step, data, recipe.batch_size), Execution(mode="eager"), pure=False, step=step)


def test_warm_up_leaves_no_trace(few: tuple[DeviceData, DeviceData], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = WithMemory()
    twin = copy.deepcopy(model)
    train(model, SHORT, *few, 0, Clocks(CPU), copies(model))
    monkeypatch.setattr("bench.training.train.prepare_epochs", without_warm_up)
    train(twin, SHORT, *few, 0, Clocks(CPU), copies(twin))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True))


def test_a_loss_that_is_not_finite_ends_the_trial_after_its_epoch(few: tuple[DeviceData, DeviceData]) -> None:
    epochs: list[Epoch] = []
    model = initial_model("softmax", 10, 0, CPU)
    reckless = SHORT.changed(learning_rate=1e38)
    with pytest.raises(DivergedError, match="epoch 1"):
        train(model, reckless, *few, 0, Clocks(CPU), copies(model), epochs.append)
    assert [epoch.epoch for epoch in epochs] == [1]
    assert epochs[0].train_loss is None


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn"])
def test_bf16_learns_as_well(name: str, few: tuple[DeviceData, DeviceData]) -> None:
    model = initial_model(name, 10, 0, CPU)
    history = train(model, SHORT.changed(precision="bf16"), *few, 0, Clocks(CPU), copies(model))
    assert history.final.accuracy > 0.7
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn"])
def test_a_gpu_learns_what_a_cpu_learns(name: str, mnist: tuple[datasets.Split, datasets.Split]) -> None:
    accuracies = []
    for device in (CPU, torch.device("cuda")):
        data = [to_device(split.images[:6000], split.labels[:6000], device) for split in mnist]
        model = initial_model(name, 10, 0, device)
        accuracies.append(train(model, SHORT, data[0], data[1], 0, Clocks(device), copies(model)).final.accuracy)
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)
