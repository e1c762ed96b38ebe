"""Record an epoch as a few CUDA graphs and replay them.

Launching kernels one by one costs a GPU more time than these models' arithmetic. So normalisation, forward, backward
and Adam of many steps are recorded as one graph, which is a single launch; nothing is read back before the epoch is
over. Source: PyTorch's notes on CUDA graphs ("whole-network capture").
"""

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.training.heartbeat import beat
from bench.training.pipeline import DeviceData
from bench.training.train_step import Duplicate, EagerStep, Step

PARTS = 4
"""Graphs of an epoch's full batches, about: one of them all would take as long to record as four, and more memory."""
WARM_UP_ROUNDS = 3
"""Steps before recording, in which libraries choose their algorithms and the optimizer makes its state."""
TOLERANCE = 0.01
"""Relative, in a step's loss: the same kernels adding in another order differ by far less, other steps by more."""

Augment = Callable[[torch.Tensor], None]
Work = Callable[[], object]
Recorder = Callable[[Work], Work]
"""Takes some work on fixed tensors, which has been done before; returns its replay."""


class RecordingFailedError(Exception):
    """CUDA refused in the middle of a recording; torch up to 2.12 can record nothing more in this process."""


_refusal = ""


def record_nothing(reason: str) -> None:
    """Have steps in this process taken eagerly, for this reason: a recording has failed in the process before it."""
    global _refusal
    _refusal = reason


def refusal() -> str:
    """Give the reason why nothing is recorded in this process; empty where there is none."""
    return _refusal


def warm_up_for_recording(work: Work) -> None:
    """Do some work a few times on a stream of its own, at last with an error where it waits for the GPU.

    What waits cannot be recorded; found here, it costs nothing but the recording.

    Raises:
        RuntimeError: the work waits for the GPU.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    try:
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_ROUNDS - 1):
                work()
            torch.cuda.set_sync_debug_mode("error")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
        torch.cuda.current_stream().wait_stream(stream)


def record_graph(work: Work) -> Work:
    """Record work; return the replay of the recording.

    Raises:
        RecordingFailedError: it cannot be recorded.
    """
    graph = torch.cuda.CUDAGraph()
    first: list[Exception] = []
    try:
        with torch.cuda.graph(graph):
            try:
                work()
            except Exception as error:  # a model may do anything; what ending the recording then raises says less
                first.append(error)
                raise
    except Exception as error:
        cause = first[0] if first else error
        raise RecordingFailedError(f"{type(cause).__name__}: {cause}") from cause
    return graph.replay


def record_epochs(
    model: nn.Module,
    recipe: Recipe,
    data: DeviceData,
    duplicate: Duplicate,
    steps: Iterable[Step],
    warm_up: Callable[[Work], None] = warm_up_for_recording,
    record: Recorder = record_graph,
    augment: Augment | None = None,
    total_steps: int = 0,
) -> "ReplayedEpochs":
    """Record the first of some steps of ``model`` that can be recorded and do what eager ones do.

    Raises:
        RecordingFailedError: CUDA refused in the middle of a recording.
        Exception: the reason why the last of them cannot be replayed; see :class:`ReplayedEpochs`.
    """
    reason: Exception = ValueError("there is no step to record")
    for step in steps:
        try:
            return ReplayedEpochs(model, recipe, data, duplicate, step, warm_up, record, augment, total_steps)
        except RecordingFailedError:
            raise
        except Exception as error:  # a model may do anything
            reason = error
    raise reason


class ReplayedEpochs:
    """Run epochs by replaying recorded steps; see :class:`bench.training.epoch_loop.RunEpoch`.

    Everything a step reads or writes lies in tensors that stay where they are: the epoch's images and labels in their
    order, weights, the optimizer's state and the sum of losses. Images are put in order once an epoch, and each step of
    a part has its batch at a fixed place. Another graph is one step at whatever place comes next, for what is not a
    whole part. Warming up takes real steps, on random labels so that nothing is learnt; afterwards weights, buffers and
    optimizer state are put back.

    Raises:
        RecordingFailedError: CUDA refused in the middle of a recording.
        ValueError: the replayed steps do not do what eager ones do.
        Exception: whatever a model raises that cannot be recorded, such as one that reads a value back.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        data: DeviceData,
        duplicate: Duplicate,
        step: Step,
        warm_up: Callable[[Work], None],
        record: Recorder,
        augment: Augment | None = None,
        total_steps: int = 0,
    ) -> None:
        """Record the steps of ``model``.

        Args:
            duplicate: makes the copy that is stepped eagerly for comparison.
            step: takes the steps of ``model``.
            warm_up: does some work so often that it can be recorded.
            record: records it.
            augment: changes the images of an epoch in place.
            total_steps: of the training, over which the learning rate changes.
        """
        device = data.labels.device
        self._data = data
        self._size = min(recipe.batch_size, len(data))
        self._full, self._rest = divmod(len(data), self._size)
        self._images, self._labels = torch.empty_like(data.images), torch.empty_like(data.labels)
        self._first = torch.arange(self._size, device=device)
        self._positions = self._first.clone()
        self._loss_sum = torch.zeros((), device=device)
        self._augment = augment
        self.step = step
        self._images.copy_(data.images)
        self._labels.copy_(data.labels[torch.randperm(len(data)).to(device)])
        with _restored(model, self.step):
            self._record(warm_up, record)
        with _restored(model, self.step):
            self._compare(EagerStep(duplicate().train(), recipe, total_steps))

    def __call__(self, order: torch.Tensor, steps: int | None = None) -> torch.Tensor:
        steps = self._steps if steps is None else min(steps, self._steps)
        used = order[: steps * self._size].to(self._first.device)
        torch.index_select(self._data.images, 0, used, out=self._images[: len(used)])
        torch.index_select(self._data.labels, 0, used, out=self._labels[: len(used)])
        if self._augment:
            self._augment(self._images[: len(used)])
        return self._replay(steps)

    @property
    def _steps(self) -> int:
        return self._full + bool(self._rest)

    def _record(self, warm_up: Callable[[Work], None], record: Recorder) -> None:
        warm_up(self._take_next)
        self._replay_next = record(self._take_next)
        self._replay_rest: Work | None = None
        if self._rest:
            rest = functools.partial(self._take, self._full * self._size, len(self._data))
            warm_up(rest)
            self._replay_rest = record(rest)
        length = math.ceil(self._full / PARTS)
        lasts = [*range(length, self._full, length), self._full]
        self._parts = [
            (last, record(functools.partial(self._take, first * self._size, last * self._size)))
            for first, last in itertools.pairwise([0, *lasts])
        ]

    def _replay(self, steps: int) -> torch.Tensor:
        """Replay the first steps on the batches as they lie; gives the sum of losses."""
        self._loss_sum.zero_()
        done = 0
        for last, replay in self._parts:
            if last <= steps:
                replay()
                beat()
                done = last
        torch.add(self._first, done * self._size, out=self._positions)
        for _ in range(done, min(steps, self._full)):
            self._replay_next()
            beat()
        if self._replay_rest and steps > self._full:
            self._replay_rest()
            beat()
        return self._loss_sum.clone()

    def _take(self, first: int, stop: int) -> None:
        """Take the steps on the images from ``first`` to before ``stop``, each on a batch at its fixed place."""
        for start in range(first, stop, self._size):
            end = min(start + self._size, stop)
            self._add(self._images[start:end], self._labels[start:end])

    def _take_next(self) -> None:
        """Take a step on the batch at the current positions, and go on to the next; after the last, to the first."""
        self._add(self._images.index_select(0, self._positions), self._labels.index_select(0, self._positions))
        self._positions.add_(self._size).remainder_(self._full * self._size)

    def _add(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self._loss_sum.add_(self.step(images, labels), alpha=len(labels))

    def _compare(self, eager: EagerStep) -> None:
        """Compare a step, and then an epoch, both ways, from the same weights on the same batches."""
        torch.manual_seed(0)  # dropout draws from it
        replayed = [self._replay(1), self._replay(self._steps)]
        torch.manual_seed(0)
        batches = [*DeviceData(self._images, self._labels).batches(self._size)]
        losses = [eager(images, labels) * len(labels) for images, labels in (batches[0], *batches)]
        expected = [losses[0], torch.stack(losses[1:]).sum()]
        if not torch.allclose(torch.stack(replayed), torch.stack(expected).float(), rtol=TOLERANCE, equal_nan=True):
            raise ValueError("the replayed steps gave other losses")


@contextlib.contextmanager
def _restored(model: nn.Module, step: Step) -> Iterator[None]:
    """Restore weights, buffers and optimizer after the block, in the same tensors."""
    tensors = [*model.parameters(), *model.buffers()]
    before = [tensor.detach().clone() for tensor in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)
        step.reset_optimizer()
