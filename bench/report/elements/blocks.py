"""What a report is made of, whichever page it is shown on. Running text is a string in Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Heading:
    """``level`` 2 or 3; links point to ``anchor``, whatever the text and however many conditions the report has."""

    level: int
    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Link:
    """The content of a cell: ``text``, leading to the heading with that anchor."""

    text: str
    anchor: str

    def __str__(self) -> str:
        return f"[{self.text}](#{self.anchor})"


@dataclass(frozen=True)
class Table:
    """Rows with the same columns, units in the columns' names.

    ``name`` is for the file a reader saves it as; ``hints`` say of each row what its numbers rest on.

    Raises:
        ValueError: it has no rows.
    """

    name: str
    rows: Sequence[dict[str, Any]]
    hints: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"table {self.name!r} has no rows")


@dataclass(frozen=True)
class Picture:
    """``svg`` is stored as ``file`` below ``plots``; ``alt`` says what is drawn, ``caption`` (Markdown) what to see."""

    file: str
    svg: bytes = field(repr=False)
    alt: str
    caption: str


Block = str | Heading | Table | Picture


def anchor(slug: str, name: str) -> str:
    """Of the section ``name`` of the condition ``slug``."""
    return f"{slug}-{name}"
