"""The measured peaks of the device, in matrix products and copies: the roofs of the roofline."""

import time
from collections.abc import Callable

import torch

from bench.records.throughput import Peaks
from bench.throughput.frameworks.registry import Task
from bench.training.precision import set_matrix_precision
from bench.training.timing import synchronise

SIDES = (1024, 2048, 4096)
COPY_BYTES = 256 * 2**20
REPEATS = 7


def measure_peaks(task: Task) -> Peaks:
    """Measure the fastest of several square matrix products in the precision's type, and the fastest copy."""
    torch.set_num_threads(task.threads)
    set_matrix_precision(task.precision)
    device = torch.device(task.device)
    dtype = torch.bfloat16 if task.precision == "bf16" else torch.float32
    rates = []
    for side in SIDES:
        a, b = torch.randn(2, side, side, device=device).to(dtype)
        rates.append(2 * side**3 / _fastest(lambda a=a, b=b: a @ b, device))  # type: ignore[misc]
    source = torch.zeros(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    copy_s = _fastest(lambda: target.copy_(source), device)
    return Peaks(matmul_flops_per_s=max(rates), copy_bytes_per_s=2 * COPY_BYTES / copy_s)


def _fastest(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of several runs after two of warm-up."""
    seconds = []
    for _ in range(2 + REPEATS):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds[2:])
