"""Parsing of names typed by the user."""


def split_names(text: str) -> list[str]:
    """Split names at commas, blanks or both."""
    return text.replace(",", " ").split()
