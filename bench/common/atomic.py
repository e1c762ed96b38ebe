"""Write a file so that a reader sees the old content or the new, never a part."""

import contextlib
import os
import re
import time
from pathlib import Path

LEFT_OVER_AFTER_S = 3600
"""A file is written in milliseconds; after an hour the process that wrote it was killed."""


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write ``content`` beside ``path``, flush it to the disk, and move it there in one step.

    Raises:
        OSError: the folder cannot be written or the disk is full; ``path`` is then as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    """Flush a folder to the disk, so that a renamed file survives a power cut; where that is impossible, do nothing."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files below ``folder`` whose process was killed; what cannot be removed stays."""
    for path in folder.rglob(".*.tmp"):
        with contextlib.suppress(OSError):
            if re.fullmatch(r"\..+\.\d+\.tmp", path.name) and time.time() - path.stat().st_mtime > LEFT_OVER_AFTER_S:
                path.unlink()
