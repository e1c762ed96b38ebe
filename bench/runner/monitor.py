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
    before = _cpu_seconds()

    def finish() -> Surroundings:
        after = _cpu_seconds()
        others, total = (end - start for start, end in zip(before, after, strict=True)) if before and after else (0, 0)
        return Surroundings(
            other_cpu_share=cpu_share(others, total),
            gpu_before=gpu_before,
            gpu_after=_gpu_state(device),
        )

    return finish


def cpu_share(others: float, total: float) -> float | None:
    """``others`` as a share of ``total``, both in CPU seconds; None where no time has passed."""
    return round(min(1.0, max(0.0, others / total)), 4) if total > 0 else None


def _gpu_state(device: str) -> GpuState | None:
    return gpu.state([process.pid for process in _own_processes()]) if device == "cuda" else None


def _cpu_seconds() -> tuple[float, float] | None:
    """CPU seconds of other programs, and all that have passed; None where the system does not tell, as in a sandbox."""
    try:
        times = psutil.cpu_times()
        return _busy(times) - _own_cpu_seconds(), sum(times)
    except (OSError, psutil.Error):
        return None


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
