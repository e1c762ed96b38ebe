"""Parsing of names and numbers typed by the user."""

import re
from pathlib import Path

from bench.common.errors import UserError

MOST_SEEDS = 10_000
"""Seeds of one call at most."""


def split_names(text: str) -> list[str]:
    """Split names at commas, blanks or both."""
    return text.replace(",", " ").split()


def split_models(text: str) -> list[str]:
    """Split names and files at commas, and at blanks where these are not part of a file's path."""
    parts = [part.strip() for part in text.split(",")]
    return [name for part in parts for name in ([part] if _is_file(part) else part.split())]


def _is_file(text: str) -> bool:
    path, separator, _ = text.rpartition(".py:")
    return " " in text and Path(f"{path}.py" if separator else text).is_file()


def parse_seeds(text: str) -> int | list[int]:
    """Parse seeds: how many, as ``5``, or which, as ``5-9``, ``3,7`` or ``0-2,7-7``.

    Raises:
        UserError: it is neither, or a range ends before it begins.
    """
    parts = [part.strip() for part in text.split(",")]
    ranges = [re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", part) for part in parts]
    if re.fullmatch(r"-?[0-9]+", text.strip()):
        return int(text)
    numbers = [(int(match[1]), int(match[2] or match[1])) for match in ranges if match]
    if len(numbers) < len(parts) or any(first > last for first, last in numbers):
        raise UserError(f"--seeds is {text!r}: write how many, as 5, or which, as 5-9 or 3,7")
    seeds = (seed for first, last in numbers for seed in range(first, min(last, first + MOST_SEEDS) + 1))
    return list(dict.fromkeys(seeds))
