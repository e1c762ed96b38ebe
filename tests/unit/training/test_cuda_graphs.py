"""Replayed steps against eager ones. On a CPU the recording is replaced by doing the work again; the rest is real."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import ARTICLE, PRECISIONS
from bench.training.cuda_graphs import Recorder, RecordingFailedError, ReplayedEpochs, Work, record_epochs
from bench.training.epoch_loop import StepByStep, batches_of_each_size, prepare_epochs
from bench.training.model.initial import ModelBuilder, initial_model
from bench.training.pipeline import DeviceData, epoch_order, to_device
from bench.training.precision import set_matrix_precision
from bench.training.train_step import CapturedStep, EagerStep, Step, recordable_steps
from models import list_models
from tests.support.networks import ChangesItsMind, LooksAtValues, WithMemory, copies

CPU, GPU = torch.device("cpu"), torch.device("cuda")
Mnist = tuple[datasets.Split, datasets.Split]


def warm_up(work: Work) -> None:
    """Stands for warming up on a stream of its own where there is no GPU."""
    for _ in range(3):
        work()


def again(work: Work) -> Work:
    """Stands for a recording where there is no GPU."""
    return work


def replayed_epochs(
    model: nn.Module, data: DeviceData, record: Recorder = again, step: Step | None = None
) -> ReplayedEpochs:
    return ReplayedEpochs(model, ARTICLE, data, copies(model), step or EagerStep(model, ARTICLE), warm_up, record)


def only(size: int, mnist: Mnist, device: torch.device = CPU) -> DeviceData:
    train_split, _ = mnist
    return to_device(train_split.images[:size], train_split.labels[:size], device)


def state(model: nn.Module) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("size", [2000, 1000, 256, 100, 129])
def test_epochs_take_the_same_batches_in_the_same_order_and_learn_the_same(size: int, mnist: Mnist) -> None:
    data, model = only(size, mnist), WithMemory()
    twin = copy.deepcopy(model)
    replayed = replayed_epochs(model, data)
    eager = StepByStep(EagerStep(twin, ARTICLE), data, ARTICLE.batch_size)
    losses = []
    for run_epoch in (replayed, eager):
        torch.manual_seed(2)
        generator = torch.Generator().manual_seed(1)
        # of 2,000 images all, a step, a part of four steps, one and a half parts, and more steps than there are
        losses.append([run_epoch(epoch_order(size, generator), steps).item() for steps in (None, 1, 4, 6, 99, None)])
    assert losses[0] == losses[1]
    assert same(state(model), state(twin))


def test_an_epoch_is_a_few_replays(mnist: Mnist) -> None:
    replays: list[Work] = []

    def counted(work: Work) -> Work:
        def replay() -> None:
            replays.append(replay)
            work()

        return replay

    run_epoch = replayed_epochs(WithMemory(), only(128 * 10 + 5, mnist), counted)
    for steps, expected in ((None, 5), (10, 4), (3, 1), (4, 2), (1, 1), (9, 3)):  # parts of three steps, then of one
        replays.clear()
        run_epoch(torch.arange(128 * 10 + 5), steps)
        assert len(replays) == expected, steps


def test_captured_steps_are_replayed_as_they_are(mnist: Mnist) -> None:
    data, build = only(1000, mnist), ModelBuilder("mlp", 10, 0, CPU)
    model, twin = build(), build()
    first, _ = recordable_steps(model, ARTICLE, build, batches_of_each_size(data, ARTICLE.batch_size))
    assert isinstance(first, CapturedStep)
    replayed = record_epochs(model, ARTICLE, data, build, [first], warm_up, again)
    eager = StepByStep(EagerStep(twin, ARTICLE), data, ARTICLE.batch_size)
    for seed in range(2):
        order = epoch_order(1000, torch.Generator().manual_seed(seed))
        assert replayed(order).item() == eager(order).item()
    assert same(state(model), state(twin))


class AnotherStep(EagerStep):
    """A step that is not that of its model."""

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return super().__call__(images, labels) * 1.1


def test_a_step_that_does_something_else_gives_way_to_the_next(mnist: Mnist) -> None:
    data, model = only(300, mnist), WithMemory()
    right, wrong = EagerStep(model, ARTICLE), AnotherStep(model, ARTICLE)
    recorded = record_epochs(model, ARTICLE, data, copies(model), [wrong, right], warm_up, again)
    assert recorded.step is right
    with pytest.raises(ValueError, match="the replayed steps gave other losses"):
        record_epochs(model, ARTICLE, data, copies(model), [wrong], warm_up, again)


def test_what_cannot_be_captured_is_recorded_as_eager_steps(mnist: Mnist) -> None:
    data, model = only(300, mnist), LooksAtValues()
    batches = batches_of_each_size(data, ARTICLE.batch_size)
    assert [type(step) for step in recordable_steps(model, ARTICLE, copies(model), batches)] == [EagerStep]


def test_a_refusal_in_the_middle_of_a_recording_is_final(mnist: Mnist) -> None:
    def refuses(_: Work) -> Work:
        raise RecordingFailedError("not while capturing")

    data, model = only(300, mnist), WithMemory()
    steps = [EagerStep(model, ARTICLE), EagerStep(model, ARTICLE)]
    with pytest.raises(RecordingFailedError, match="not while capturing"):
        record_epochs(model, ARTICLE, data, copies(model), steps, warm_up, refuses)


def test_recording_leaves_the_model_and_the_labels_as_they_were(mnist: Mnist) -> None:
    data, model = only(300, mnist), WithMemory()
    before, labels = state(model), data.labels.clone()
    replayed_epochs(model, data)
    assert same(state(model), before)
    assert torch.equal(data.labels, labels)


def test_it_learns_nothing_from_the_labels_while_it_records(mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    data, seen = only(300, mnist), []
    take = EagerStep.__call__

    def listen(step: EagerStep, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        seen.append((images, labels))
        return take(step, images, labels)

    monkeypatch.setattr(EagerStep, "__call__", listen)
    replayed_epochs(WithMemory(), data)
    assert len(seen) > 10
    images = data.images.flatten(1)
    for batch, labels in seen:
        own = data.labels[torch.cdist(batch.flatten(1).float(), images.float()).argmin(dim=1)]
        assert (own != labels).float().mean() > 0.7, "random labels, nine in ten of them wrong"


def refused(_: Work) -> Work:
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize(
    ("model", "record", "reason"),
    [(ChangesItsMind, again, "the replayed steps gave other losses"), (WithMemory, refused, "not permitted")],
)
def test_what_cannot_be_replayed_is_told_and_left_as_it_was(
    model: Callable[[], nn.Module], record: Recorder, reason: str, mnist: Mnist
) -> None:
    built = model()
    before = state(built)
    with pytest.raises((ValueError, RuntimeError), match=reason):
        replayed_epochs(built, only(300, mnist), record)
    assert same(state(built), before)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", list_models())
def test_every_model_is_recorded_on_a_gpu(name: str, precision: str, mnist: Mnist) -> None:
    set_matrix_precision(precision)
    data, recipe = only(1000, mnist, GPU), ARTICLE.changed(precision=precision)
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
