"""Names as they are typed."""


def split_names(text: str) -> list[str]:
    """Split names at commas, blanks or both."""
    return text.replace(",", " ").split()
