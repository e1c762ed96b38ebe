"""Write a file so that a reader sees the old content or the new, never a part."""

import os
from pathlib import Path


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
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
