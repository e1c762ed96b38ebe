"""Parsing of names typed by the user."""

from pathlib import Path


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
