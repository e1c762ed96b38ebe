"""The NVIDIA GPU as its management library (NVML) sees it, without a CUDA context. Empty without a GPU."""

import contextlib
import os
from collections.abc import Collection, Iterator
from typing import Any

import psutil
import pynvml

from bench.records.fields import Environment
from bench.records.surroundings import GpuState

# Reasons that slow the clocks against the user's wish; being idle or held at a chosen clock does not count.
THROTTLE_REASONS = {
    "power-cap": pynvml.nvmlClocksThrottleReasonSwPowerCap,
    "hardware-slowdown": pynvml.nvmlClocksThrottleReasonHwSlowdown,
    "heat": pynvml.nvmlClocksThrottleReasonSwThermalSlowdown | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown,
    "power-brake": pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
}


def describe() -> Environment:
    """Name, memory in bytes and driver version of the GPU that ``cuda`` means; None where the driver does not say."""
    with _handle() as handle:
        if handle is None:
            return {}
        memory = _query("nvmlDeviceGetMemoryInfo", handle)  # not where the GPU shares the machine's
        return {
            "gpu_model": _text(_query("nvmlDeviceGetName", handle)),
            "gpu_memory_bytes": None if memory is None else int(memory.total),
            "gpu_driver": _text(_query("nvmlSystemGetDriverVersion")),
        }


def state(own_processes: Collection[int]) -> GpuState | None:
    """Clocks, temperature, throttling and other processes of the GPU that ``cuda`` means, now; None without a GPU.

    Args:
        own_processes: process ids that do not count as others.
    """
    with _handle() as handle:
        if handle is None:
            return None
        reasons = _query("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        return GpuState(
            clock_mhz=_query("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_SM),
            memory_clock_mhz=_query("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_MEM),
            temperature_celsius=_query("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU),
            throttle_reasons=None if reasons is None else _names(reasons),
            throttled_s=_throttled_seconds(handle),
            other_processes=_other_processes(handle, own_processes),
        )


def _names(reasons: int) -> list[str]:
    return [name for name, bits in THROTTLE_REASONS.items() if reasons & bits]


def _throttled_seconds(handle: Any) -> float | None:
    policies = (pynvml.NVML_PERF_POLICY_POWER, pynvml.NVML_PERF_POLICY_THERMAL)
    counters = [_query("nvmlDeviceGetViolationStatus", handle, policy) for policy in policies]
    return sum(counter.violationTime for counter in counters if counter) / 1e9 if any(counters) else None


def _other_processes(handle: Any, own: Collection[int]) -> int | None:
    """Count the others; None where the driver's process ids are of another namespace, as in most containers."""
    running = _query("nvmlDeviceGetComputeRunningProcesses", handle)
    others = {process.pid for process in running or ()} - set(own)
    return len(others) if running is not None and all(psutil.pid_exists(pid) for pid in others) else None


def _query(name: str, *arguments: Any) -> Any:
    """Call a function of NVML; None where this GPU, its driver or the library does not have it."""
    try:
        return getattr(pynvml, name)(*arguments)
    except (pynvml.NVMLError, AttributeError):
        return None


@contextlib.contextmanager
def _handle() -> Iterator[Any]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield _visible_device()
    finally:
        _query("nvmlShutdown")


def _visible_device() -> Any:
    """The first device of CUDA_VISIBLE_DEVICES, which may be an index or a UUID."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if first.isdecimal():
        return _query("nvmlDeviceGetHandleByIndex", int(first))
    return _query("nvmlDeviceGetHandleByUUID", first)


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
