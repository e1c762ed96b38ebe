"""A part of the page that knows its own words, pictures and numbers."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Section:
    """``blocks`` of Markdown; ``pictures``, SVG by file name below ``plots``; ``rows`` of the CSV table behind it."""

    blocks: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def anchor(slug: str, name: str) -> str:
    """A place that links can point to, whatever the heading's text and however many conditions the page has."""
    return f'<a id="{slug}-{name}"></a>'


def link(slug: str, name: str, text: str) -> str:
    """To :func:`anchor` on the same page."""
    return f"[{text}](#{slug}-{name})"
