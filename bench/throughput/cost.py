"""The cost of a model: operations, memory traffic, and peak memory of training, in a process of its own."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.recipes.recipe import ARTICLE
from bench.records.throughput import Cost
from bench.throughput.workload import Workload
from bench.training.evaluate import evaluate
from bench.training.memory import forget_peak, measure_memory
from bench.training.model.flops import counted, infer_flops_per_image, train_flops_per_image
from bench.training.train_step import EagerStep

MEMORY_STEPS = 20


def measure_cost(workload: Workload) -> Cost:
    """Count operations, then train for a few steps and read the peak memory, of the GPU where there is one."""
    size = ARTICLE.batch_size
    model, data = workload.prepare()
    subset, batch = data.part(0, size * MEMORY_STEPS), data.part(0, size)
    device = torch.device(workload.device)
    forget_peak(device)
    idle = _peak_bytes(device)
    workload.epochs(model, subset, size)(torch.arange(len(subset)))
    peak = _peak_bytes(device)
    eager = EagerStep(model, workload.recipe)
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        batch_size=size,
        train_flops_per_image=counted(train_flops_per_image, model),
        infer_flops_per_image=counted(infer_flops_per_image, model),
        train_bytes_per_image=traffic(lambda: eager(batch.images, batch.labels)) // size,
        infer_bytes_per_image=traffic(lambda: evaluate(model, batch, workload.recipe, size)) // size,
        memory_bytes=peak,
        idle_bytes=idle,
    )


def traffic(work: Callable[[], object]) -> int:
    """Count the bytes that the tensor operations of ``work`` read and write, as if there were no cache."""
    counter = _Traffic()  # type: ignore[no-untyped-call]
    with counter:
        work()
    return counter.total


class _Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    total: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.total += sum(leaf.nbytes for leaf in tree_leaves((args, kwargs, result)) if torch.is_tensor(leaf))
        return result


def _peak_bytes(device: torch.device) -> int:
    memory = measure_memory(device)
    return memory.process_peak_bytes if memory.device_peak_bytes is None else memory.device_peak_bytes
