"""The surroundings of a trial: what other programs use of the CPU, and the state of the GPU."""

from collections.abc import Callable

import psutil

from bench.records.surroundings import GpuState, Surroundings
from bench.runner import gpu


def monitor(device: str) -> Callable[[], Surroundings]:
    """Start to monitor the machine; the returned function stops and gives the surroundings.

    This process and those it has started do not count as other programs.
    """
    gpu_before = _gpu_state(device)
    machine_before, own_before = psutil.cpu_times(), _own_cpu_seconds()

    def finish() -> Surroundings:
        machine_after, own_after = psutil.cpu_times(), _own_cpu_seconds()
        busy = _busy(machine_after) - _busy(machine_before)
        return Surroundings(
            other_cpu_share=cpu_share(busy - (own_after - own_before), sum(machine_after) - sum(machine_before)),
            gpu_before=gpu_before,
            gpu_after=_gpu_state(device),
        )

    return finish


def cpu_share(others: float, total: float) -> float | None:
    """``others`` as a share of ``total``, both in CPU seconds; None where no time has passed."""
    return round(min(1.0, max(0.0, others / total)), 4) if total > 0 else None


def _gpu_state(device: str) -> GpuState | None:
    return gpu.state([process.pid for process in _own_processes()]) if device == "cuda" else None


def _busy(times: tuple[float, ...]) -> float:
    # user already contains guest time; idle and iowait are the rest
    names = ("user", "nice", "system", "irq", "softirq", "steal")
    return sum(getattr(times, name, 0.0) for name in names)


def _own_cpu_seconds() -> float:
    return sum(sum(_cpu_times(process)) for process in _own_processes())


def _own_processes() -> list[psutil.Process]:
    current = psutil.Process()
    return [current, *current.children(recursive=True)]


def _cpu_times(process: psutil.Process) -> tuple[float, ...]:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it ended just now; its parent has its times
        return ()
    return times.user, times.system, times.children_user, times.children_system
