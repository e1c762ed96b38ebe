"""A part of the report that knows its own words, pictures and numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.report.elements.blocks import Block


@dataclass(frozen=True)
class Section:
    """``blocks`` are shown one below the other; ``rows`` are those of the CSV table behind it.

    ``summary`` is what they come to, as a sentence of plain text, where there is one. ``problem`` says why it could not be
    made, if so.
    """

    blocks: Sequence[Block] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""
    problem: str = ""


Sections = Mapping[str, Section]
"""By name, in the order in which they are read."""


def build_section(name: str, make: Callable[[], Section]) -> Section:
    """The section; an empty one with the reason where its records do not hold what they should.

    A record that passes its schema may come from elsewhere and still lack a number, or hold one that cannot be. It
    takes its own section with it, not the report.
    """
    try:
        return make()
    except Exception as error:
        problem = f"section {name!r} is left out: its records do not fit together ({type(error).__name__}: {error})"
        return Section(problem=problem)
