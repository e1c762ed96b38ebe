"""A part of the report that knows its own words, pictures and numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.report.blocks import Block


@dataclass(frozen=True)
class Section:
    """``blocks`` are shown one below the other; ``rows`` are those of the CSV table behind it.

    ``gist`` is what they come to, as a sentence of plain text, where there is one.
    """

    blocks: Sequence[Block] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    gist: str = ""


Sections = Mapping[str, Section]
"""By name, in the order in which they are read."""
