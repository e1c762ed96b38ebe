"""Record a whole training step as one CUDA graph and replay it for each batch of an epoch.

Launching kernels one by one costs a GPU more time than these models' arithmetic. So gather, normalisation, forward,
backward and Adam are recorded once for a whole batch and once for the last, smaller one; after that a step is a single
launch, and nothing is read back before the epoch is over. Source: PyTorch's notes on CUDA graphs ("whole-network
capture").
"""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.training.heartbeat import beat
from bench.training.pipeline import DeviceData
from bench.training.train_step import Duplicate, EagerStep

WARM_UP_ROUNDS = 3
"""Steps before recording, in which libraries choose their algorithms and the optimizer makes its state."""
TRIAL_ROUNDS = 2
TOLERANCE = 0.01
"""Relative, in a step's loss: the same kernels adding in another order differ by far less, other steps by more."""

Work = Callable[[], object]
Recorder = Callable[[Work, Work], Work]
"""Takes some work on fixed tensors, and the work that must precede each try of it; returns its replay."""


def record_graph(work: Work, rewind: Work) -> Work:
    """Do ``work`` a few times on a stream of its own, then record it; return the replay of the recording."""
    side_stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side_stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side_stream):
        for _ in range(WARM_UP_ROUNDS):
            rewind()
            work()
        rewind()
    torch.cuda.current_stream().wait_stream(side_stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


class ReplayedEpochs:
    """Run epochs by replaying recorded steps; see :class:`bench.training.epoch_loop.RunEpoch`.

    Everything a step reads or writes lies in tensors that stay where they are: images, labels, the order, the positions
    of the current batch in that order, weights, the optimizer's state and the sum of losses. Recording takes real
    steps, on random labels so that nothing is learnt; afterwards weights, buffers and optimizer state are put back.

    Raises:
        ValueError: the replayed steps do not do what eager ones do.
        Exception: whatever a model raises that cannot be recorded, such as one that reads a value back.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        data: DeviceData,
        duplicate: Duplicate,
        record: Recorder = record_graph,
    ) -> None:
        device = data.labels.device
        self._batch_size = min(recipe.batch_size, len(data))
        self._sizes = [min(self._batch_size, len(data) - at) for at in range(0, len(data), self._batch_size)]
        self._images, self._labels = data.images, data.labels.clone()
        self._order = torch.arange(len(data), device=device)
        self._first = torch.arange(self._batch_size, device=device)
        self._positions = self._first.clone()
        self._loss_sum = torch.zeros((), device=device)
        self._step = EagerStep(model, recipe)
        self._labels.copy_(data.labels[torch.randperm(len(data)).to(device)])
        with _restored(model, self._step):
            self._replays = {
                size: record(functools.partial(self._advance, size), self._rewind)
                for size in dict.fromkeys(self._sizes)
            }
        with _restored(model, self._step):
            self._compare(EagerStep(duplicate().train(), recipe))
        self._labels.copy_(data.labels)

    def __call__(self, order: torch.Tensor, steps: int | None = None) -> torch.Tensor:
        self._order.copy_(order)
        self._rewind()
        for size in itertools.islice(self._sizes, steps):
            self._replays[size]()
            beat()
        return self._loss_sum.clone()

    def _rewind(self) -> None:
        """Go back to the start of an epoch."""
        self._positions.copy_(self._first)
        self._loss_sum.zero_()

    def _advance(self, size: int) -> None:
        """Take the step on the next batch; this is what is recorded."""
        rows = self._order.index_select(0, self._positions[:size])
        loss = self._step(self._images.index_select(0, rows), self._labels.index_select(0, rows))
        self._loss_sum.add_(loss, alpha=size)
        self._positions.add_(self._batch_size)

    def _compare(self, eager: EagerStep) -> None:
        """Compare a few steps both ways, from the same weights on the same batches."""
        sizes = list(self._replays) * TRIAL_ROUNDS
        replayed = []
        torch.manual_seed(0)  # dropout draws from it
        for size in sizes:
            self._rewind()
            self._replays[size]()
            replayed.append(self._loss_sum / size)
        torch.manual_seed(0)
        expected = [eager(self._images[:size], self._labels[:size]) for size in sizes]
        if not torch.allclose(torch.stack(replayed), torch.stack(expected).float(), rtol=TOLERANCE, equal_nan=True):
            raise ValueError("the replayed steps gave other losses")


@contextlib.contextmanager
def _restored(model: nn.Module, step: EagerStep) -> Iterator[None]:
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
