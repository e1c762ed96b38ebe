"""A class or function -> the file that a worker can import it from."""

from pathlib import Path
from typing import Any

from bench.common.errors import UserError


def file_of_object(value: Any, written: Path) -> tuple[str, Path | None, str]:
    """Find the file that has the class or function, or write one; gives its text for messages, its path, its name.

    Raises:
        UserError: it is neither.
    """
    raise UserError(f"{value!r} is no model's name and no file ({written})")
