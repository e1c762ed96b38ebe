"""The NVIDIA GPU as its management library (NVML) sees it, without making a CUDA context. Empty without a GPU."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pynvml

from bench.records import Environment


def describe() -> Environment:
    """Name, memory in bytes and driver of the GPU that ``cuda`` means."""
    with _handle() as handle:
        if handle is None:
            return {}
        return {
            "gpu_model": _text(pynvml.nvmlDeviceGetName(handle)),
            "gpu_memory_bytes": int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            "gpu_driver": _text(pynvml.nvmlSystemGetDriverVersion()),
        }


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
        pynvml.nvmlShutdown()


def _visible_device() -> Any:
    """The first device of CUDA_VISIBLE_DEVICES, which may be an index or a UUID."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    try:
        if first.isdigit():
            return pynvml.nvmlDeviceGetHandleByIndex(int(first))
        return pynvml.nvmlDeviceGetHandleByUUID(first)
    except pynvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
