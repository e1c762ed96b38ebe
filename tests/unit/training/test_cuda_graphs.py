"""Replayed steps against eager ones. On a CPU the recording is replaced by doing the work again; the rest is real."""

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE, PRECISIONS
from bench.training.cuda_graphs import Recorder, ReplayedEpochs, Work
from bench.training.epoch_loop import StepByStep, prepare_epochs
from bench.training.model.initial import ModelBuilder, initial_model
from bench.training.pipeline import DeviceData, epoch_order, to_device
from bench.training.precision import set_matrix_precision
from bench.training.train_step import EagerStep
from models import list_models
from tests.support.networks import ChangesItsMind, LooksAtValues, WithMemory, copies

CPU, GPU = torch.device("cpu"), torch.device("cuda")
Mnist = tuple[datasets.Split, datasets.Split]


def again(work: Work, rewind: Work) -> Work:
    """Stands for a recording where there is no GPU."""
    for _ in range(3):
        rewind()
        work()
    return work


def only(size: int, mnist: Mnist, device: torch.device = CPU) -> DeviceData:
    train_split, _ = mnist
    return to_device(train_split.images[:size], train_split.labels[:size], device)


def state(model: nn.Module) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("size", [1000, 256, 100, 129])
def test_epochs_take_the_same_batches_in_the_same_order_and_learn_the_same(size: int, mnist: Mnist) -> None:
    data, model = only(size, mnist), WithMemory()
    twin = copy.deepcopy(model)
    replayed = ReplayedEpochs(model, ARTICLE, data, copies(model), again)
    eager = StepByStep(EagerStep(twin, ARTICLE), data, ARTICLE.batch_size)
    for run_epoch in (replayed, eager):
        torch.manual_seed(2)
        generator = torch.Generator().manual_seed(1)
        losses = [run_epoch(epoch_order(size, generator), steps).item() for steps in (None, None, 1, 3)]
        if run_epoch is replayed:
            expected = losses
    assert losses == expected
    assert same(state(model), state(twin))


def test_recording_leaves_the_model_and_the_labels_as_they_were(mnist: Mnist) -> None:
    data, model = only(300, mnist), WithMemory()
    before, labels = state(model), data.labels.clone()
    ReplayedEpochs(model, ARTICLE, data, copies(model), again)
    assert same(state(model), before)
    assert torch.equal(data.labels, labels)


def test_it_learns_nothing_from_the_labels_while_it_records(mnist: Mnist) -> None:
    data, seen = only(300, mnist), []

    def listen(work: Work, rewind: Work) -> Work:
        seen.append(replayed_labels())
        return again(work, rewind)

    replayed = ReplayedEpochs.__new__(ReplayedEpochs)
    replayed_labels = lambda: replayed._labels.clone()  # noqa: E731
    build = ModelBuilder("softmax", 10, 0, CPU)
    replayed.__init__(build(), ARTICLE, data, build, listen)  # type: ignore[misc]
    assert len(seen) == 2
    assert all((labels != data.labels).sum() > 200 for labels in seen)
    assert torch.equal(replayed._labels, data.labels)


def fails(work: Work, rewind: Work) -> Work:
    again(work, rewind)
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize(
    ("model", "record", "reason"),
    [(ChangesItsMind, again, "the replayed steps gave other losses"), (WithMemory, fails, "not permitted")],
)
def test_what_cannot_be_replayed_is_told_and_left_as_it_was(
    model: Callable[[], nn.Module], record: Recorder, reason: str, mnist: Mnist
) -> None:
    built = model()
    before = state(built)
    with pytest.raises((ValueError, RuntimeError), match=reason):
        ReplayedEpochs(built, ARTICLE, only(300, mnist), copies(built), record)
    assert same(state(built), before)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", list_models())
def test_every_model_is_recorded_on_a_gpu(name: str, precision: str, mnist: Mnist) -> None:
    set_matrix_precision(precision)
    data, recipe = only(1000, mnist, GPU), dataclasses.replace(ARTICLE, precision=precision)
    model = initial_model(name, 10, 0, GPU)
    twin = copy.deepcopy(model)
    prepared = prepare_epochs(model, recipe, data, copies(model))
    execution = prepared.execution
    assert (execution.mode, execution.reason) == ("cuda_graph", "")
    eager = StepByStep(EagerStep(twin.train(), recipe), data, recipe.batch_size)
    orders = [epoch_order(1000, torch.Generator().manual_seed(seed)) for seed in range(2)]
    replayed, expected = ([epoch_runner(order).item() for order in orders] for epoch_runner in (prepared.run, eager))
    assert replayed == pytest.approx(expected, rel=0.02)
    assert replayed[1] < replayed[0]


@pytest.mark.gpu
def test_batch_statistics_and_dropout_are_recorded_on_a_gpu(mnist: Mnist) -> None:
    model = WithMemory().to(GPU)
    execution = prepare_epochs(model, ARTICLE, only(1000, mnist, GPU), copies(model)).execution
    assert (execution.mode, execution.reason) == ("cuda_graph", "")
    assert model.norm.num_batches_tracked == 0


@pytest.mark.gpu
@pytest.mark.parametrize("model", [ChangesItsMind, LooksAtValues])
def test_a_gpu_steps_eagerly_where_it_must_and_says_why(model: Callable[[], nn.Module], mnist: Mnist) -> None:
    built, data = model().to(GPU), only(1000, mnist, GPU)
    prepared = prepare_epochs(built, ARTICLE, data, copies(built))
    assert prepared.execution.mode == "eager"
    assert prepared.run(torch.arange(1000)).isfinite()  # the GPU is still usable
