"""The report as one self-contained HTML file: no request to anywhere, readable from a mail attachment."""

import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from bench.analysis.groups import FLAG_MARK
from bench.common.errors import one_line
from bench.records.schema import Run
from bench.report.elements.blocks import Block, Heading, Link, Noted, Picture, Table
from bench.report.elements.formatting import TEXT_COLUMNS
from bench.report.pages.csv_tables import csv_text
from bench.report.pages.inline_svg import inline
from bench.report.pages.playground import other_images
from bench.report.pages.templating import fill
from bench.report.sections.document import Document

QUESTION = "Which of these models, at what cost, and how sure are you?"
MAX_UNBROKEN_LENGTH = 28
"""Greatest number of characters of a cell that stays on one line."""
_MARKED = re.compile(rf"([\w.+-]+){FLAG_MARK}")
_INTERVAL = re.compile(r"^(\S.*?)( ± .+| \[.+\]| \(.+\))$")
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True)
class Cell:
    """A table cell: ``text``, a lighter addition, the link's target, the colour of the model named, a note."""

    text: str
    beside: str = ""
    target: str = ""
    colour: str = ""
    note: str = ""


def page(document: Document, colours: Mapping[str, str], playground: str | None = None) -> str:
    """Render the whole file.

    Args:
        colours: colour of each model by its name.
        playground: file name of the page to play on, beside this one; None where there is none.
    """
    blocks = [*document.blocks, *document.every_run()]
    return fill(
        "report.html",
        "report.css",
        ["report.js"],
        title=f"mnist-bench: {QUESTION}",
        question=QUESTION,
        answer=_answer(document),
        contents=_contents(blocks),
        blocks=_all_values(document, blocks, colours),
        records=len(document.runs),
        playground=playground,
        other_images=other_images(document.comparisons),
    )


def _answer(document: Document) -> list[Markup]:
    notes = _notes(document.comparisons[0].runs) if document.comparisons else {}
    return [_explain_marks(sentence, notes) for sentence in document.answer]


def _contents(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """List the headings of the second level, each with those below it."""
    entries: list[dict[str, Any]] = []
    for block in blocks:
        if isinstance(block, Heading):
            entry = {"text": block.text, "anchor": block.anchor}
            if block.level == 2:
                entries.append(entry | {"below": []})
            elif entries:
                entries[-1]["below"].append(entry)
    return entries


def _all_values(document: Document, blocks: Sequence[Block], colours: Mapping[str, str]) -> list[dict[str, Any]]:
    """Build the values of every block; marks below the heading of a condition are explained by its runs alone."""
    by_anchor = {comparison.condition.slug: _notes(comparison.runs) for comparison in document.comparisons}
    notes = all_notes = _notes(document.runs)
    values = []
    for position, block in enumerate(blocks):
        if isinstance(block, Heading) and block.level == 2:
            notes = by_anchor.get(block.anchor, all_notes)
        values.append(_block_values(block, position, colours, notes))
    return values


def _notes(runs: Iterable[Run]) -> dict[str, str]:
    """Join the notes of a flagged model, by model: one for each flag, that of the first run with it."""
    notes: dict[str, dict[str, str]] = {}
    for run in runs:
        for flag in run.flags:
            notes.setdefault(run.trial.model, {}).setdefault(flag.name, flag.note)
    return {model: one_line("; ".join(by_flag.values())) for model, by_flag in notes.items()}


def _explain_marks(text: str, notes: Mapping[str, str]) -> Markup:
    """Escape the text; the mark after a flagged model's name says what it means when pointed at."""

    def explained(match: re.Match[str]) -> str:
        model = match[1]
        return f'{model}<abbr title="{escape(notes[model])}">{FLAG_MARK}</abbr>' if model in notes else match[0]

    return Markup(_MARKED.sub(explained, str(escape(text))))


def _block_values(block: Block, position: int, colours: Mapping[str, str], notes: Mapping[str, str]) -> dict[str, Any]:
    """Build the values that the template shows of a block."""
    match block:
        case Heading():
            return {"kind": "heading", "level": block.level, "text": block.text, "anchor": block.anchor}
        case Table():
            return _table(block, position, colours, notes)
        case Picture():
            svg = Markup(inline(block.svg, f"f{position}", block.alt))
            return {"kind": "figure", "svg": svg, "caption": _prose(block.caption), "file": block.file}
    return {"kind": "prose", "html": _prose(block)}


def _prose(text: str) -> Markup:
    """Render Markdown, with every tag in it shown as text."""
    return Markup(_MARKDOWN.render(text))


def _table(table: Table, position: int, colours: Mapping[str, str], notes: Mapping[str, str]) -> dict[str, Any]:
    columns = list(dict.fromkeys(name for row in table.rows for name in row))
    hints = [*table.hints, *[""] * (len(table.rows) - len(table.hints))]
    return {
        "kind": "table",
        "name": table.name,
        "anchor": f"t{position}",
        "columns": [{"name": name, "kind": _column_kind(name, table.rows)} for name in columns],
        "rows": [
            {"hint": hint, "cells": [_cell(name, row.get(name, ""), colours, notes) for name in columns]}
            for row, hint in zip(table.rows, hints, strict=True)
        ],
        "csv": "data:text/csv;charset=utf-8," + urllib.parse.quote(_csv(columns, table.rows)),
    }


def _column_kind(column: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Classify a column: ``number``, ``words``, or ``text`` where some cell is too long for one line."""
    if column not in TEXT_COLUMNS:
        return "number"
    return "text" if any(len(_plain_text(row.get(column, ""))) > MAX_UNBROKEN_LENGTH for row in rows) else "words"


def _cell(column: str, value: Any, colours: Mapping[str, str], notes: Mapping[str, str]) -> Cell:
    if isinstance(value, Link):
        return Cell(value.text, target=value.anchor)
    text = _plain_text(value)
    if column == "model":
        return Cell(_explain_marks(text, notes), colour=colours.get(re.split(rf"[ ,{FLAG_MARK}]", text)[0], ""))
    parts = None if column in TEXT_COLUMNS else _INTERVAL.match(text)
    note = value.note if isinstance(value, Noted) else ""
    return Cell(parts[1], parts[2], note=note) if parts else Cell(_explain_marks(text, notes), note=note)


def _csv(columns: list[str], rows: Sequence[Mapping[str, Any]]) -> str:
    return csv_text(
        pd.DataFrame([[_plain_text(row.get(name, "")) for name in columns] for row in rows], columns=columns)
    )


def _plain_text(value: Any) -> str:
    return value.text if isinstance(value, Link) else one_line(str(value))
