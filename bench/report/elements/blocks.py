"""Parts of a report, the same on every page. Running text is a string in Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Heading:
    """A heading of ``level`` 2 or 3; links point to ``anchor``, which is unique in the report."""

    level: int
    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Link:
    """A table cell whose ``text`` links to the heading with that anchor."""

    text: str
    anchor: str

    def __str__(self) -> str:
        return f"[{self.text}](#{self.anchor})"


@dataclass(frozen=True)
class Noted:
    """A table cell with a note, which a page shows when the cell is pointed at."""

    text: str
    note: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """A table of rows with the same columns, units in the columns' names.

    ``name`` is that of the CSV file a reader saves; ``hints`` tell row by row what the numbers are measured on.

    Raises:
        ValueError: there are no rows.
    """

    name: str
    rows: Sequence[dict[str, Any]]
    hints: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"table {self.name!r} has no rows")


@dataclass(frozen=True)
class Picture:
    """A plot: ``svg``, stored as ``plots/<file>``; ``alt`` says what is drawn, ``caption`` (Markdown) what to see."""

    file: str
    svg: bytes = field(repr=False)
    alt: str
    caption: str


Block = str | Heading | Table | Picture


def anchor(slug: str, name: str) -> str:
    """Build the anchor of the section ``name`` of the condition ``slug``."""
    return f"{slug}-{name}"
