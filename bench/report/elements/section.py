"""A section of the report: its texts, plots and numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.report.elements.blocks import Block


@dataclass(frozen=True)
class Section:
    """A section: ``blocks`` in reading order; ``rows`` are those of its CSV table.

    ``summary`` is their conclusion as a sentence of plain text, if there is one. ``problem`` says why the section could
    not be built, if so.
    """

    blocks: Sequence[Block] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""
    problem: str = ""


Sections = Mapping[str, Section]
"""Sections by name, in reading order."""


def build_section(name: str, make: Callable[[], Section]) -> Section:
    """Build the section, or an empty one with the reason where its records do not hold what they should.

    A record that passes its schema may come from elsewhere and still lack a number, or hold one that cannot be. It
    takes its own section with it, not the report.
    """
    try:
        return make()
    except Exception as error:
        problem = f"section {name!r} is left out: its records do not fit together ({type(error).__name__}: {error})"
        return Section(problem=problem)
