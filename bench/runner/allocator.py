"""The memory allocator of measured processes: glibc's, told to keep freed memory.

glibc gives large blocks back to the system when they are freed and maps them afresh at the next step; keeping them in
the process made a CPU epoch of the CNN 1.7 times faster (LOG.md, 2026-11-24).
"""

import contextlib
import os
from collections.abc import Iterator

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
"""Environment variables that glibc reads when a process starts."""

_OTHERS = ("GLIBC_TUNABLES", "LD_PRELOAD", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")


@contextlib.contextmanager
def allocator_settings() -> Iterator[None]:
    """Start processes inside that keep freed memory; settings the user made stay as they are."""
    added = {name: value for name, value in ALLOCATOR.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def effective_settings() -> dict[str, str]:
    """The environment variables that configure the allocator inside :func:`allocator_settings`, with their values."""
    chosen = {name: value for name, value in os.environ.items() if name.startswith("MALLOC_") or name in _OTHERS}
    return ALLOCATOR | chosen
