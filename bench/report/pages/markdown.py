"""The report in Markdown: ``results/README.md``, and the block in the project's own README."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

from tabulate import tabulate

from bench.analysis.groups import ConditionResults, Group
from bench.analysis.pairwise import Pair, select_pairs
from bench.data.registry import MNIST
from bench.report.elements.blocks import Block, Heading, Link, Picture, Table, anchor
from bench.report.elements.formatting import TEXT_COLUMNS, commit_text, escape
from bench.report.sections.document import Document, headline_blocks
from bench.report.sections.learning_curves import against_time_file

BLOCK_BEGIN = "<!-- results:begin (written by `make report`; do not edit) -->"
BLOCK_END = "<!-- results:end -->"
INTRODUCTION = (
    "Written from the records in `runs/` by `python -m bench report`; every table is in `tables/` as CSV. "
    "[report.html](report.html) is the same to read in a browser, with tables to sort and every run's row."
)

SUITE_COMMANDS = {"article": "make bench"}
"""Commands of suites that differ from ``make`` and the suite's name."""


def page(document: Document) -> str:
    """Render all of ``results/README.md``."""
    answer = [" ".join(escape(sentence) for sentence in document.answer)]
    blocks: list[Block] = ["# Results", *filter(None, answer), INTRODUCTION, *document.blocks]
    return "\n\n".join(to_markdown(block) for block in blocks) + "\n"


@singledispatch
def to_markdown(block: Block) -> str:
    """Render one block; running text is Markdown already."""
    return str(block)


@to_markdown.register
def _(block: Heading) -> str:
    target = f'<a id="{block.anchor}"></a>\n\n' if block.anchor else ""
    return f"{target}{'#' * block.level} {escape(block.text)}"


@to_markdown.register
def _(block: Table) -> str:
    return table(block.rows)


@to_markdown.register
def _(block: Picture) -> str:
    return f"{image(block)}\n\n{block.caption}"


def image(figure: Picture, folder: str = "plots") -> str:
    """Render the picture without its caption."""
    return f"![{figure.alt}]({folder}/{figure.file})"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Render a table, text to the left and numbers to the right; a cell never breaks the table."""
    safe = [{key: _cell(value) for key, value in row.items()} for row in rows]
    align = ["left" if key in TEXT_COLUMNS else "right" for key in rows[0]]
    return tabulate(safe, headers="keys", tablefmt="pipe", colalign=align, disable_numparse=True)


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, Link) else escape(value)


def readme_block(document: Document, folder: str) -> str:
    """Render the block of the project's README on the first comparison, markers included."""
    if not document.comparisons:
        return f"{BLOCK_BEGIN}\nNo finished run yet.\n{BLOCK_END}"
    comparison = document.comparisons[0]
    sections = document.sections[comparison.condition]
    curves = {picture.file: picture for picture in sections["curves"].blocks if isinstance(picture, Picture)}
    against_time = curves[against_time_file(comparison.condition.slug)]
    parts = [
        BLOCK_BEGIN,
        f"**{comparison.condition.title}**",
        *map(to_markdown, headline_blocks(comparison)),
        *_verdict_sentences(comparison, document.pairs[comparison.condition]),
        _sources(comparison),
        *_claims_sentence(comparison.condition.slug, sections["claims"].summary, folder),
        image(against_time, f"{folder}/plots"),
        BLOCK_END,
    ]
    return "\n\n".join(parts)


def _verdict_sentences(comparison: ConditionResults, pairs: Sequence[Pair]) -> list[str]:
    """Join the verdicts of each location into a sentence, which names the location where there are several."""
    sentences = []
    for location in comparison.locations:
        shown_pairs = select_pairs(pairs, comparison)
        words = "; ".join(escape(pair.words) for pair in shown_pairs if pair.location == location)
        if words:
            sentences.append(f"{f'On {location}: ' if len(comparison.locations) > 1 else ''}{words}.")
    return sentences


def _claims_sentence(slug: str, summary: str, folder: str) -> list[str]:
    """Say how many of the article's claims hold, with a link to the table; empty where they were not measured."""
    link = f"[the article's table, measured]({folder}/README.md#{anchor(slug, 'claims')})"
    return [f"**{escape(summary)}** One by one: {link}."] if summary else []


def _sources(comparison: ConditionResults) -> str:
    """Name seeds, commit and command of each location: ``10 seeds on box (cpu) at commit c0ffee: `make full`.``."""
    return "; ".join(_source(location, comparison.at(location)) for location in comparison.locations) + "."


def _source(location: str, groups: Sequence[Group]) -> str:
    runs = [run for group in groups for run in group.runs]
    seeds = max(len(group.seeds) for group in groups)
    commits = ", ".join(sorted({commit_text(run.git) for run in runs}))
    dataset = "" if runs[0].trial.dataset == MNIST.name else f"DATASET={runs[0].trial.dataset} "
    commands = sorted({SUITE_COMMANDS.get(run.trial.suite, f"make {run.trial.suite}") for run in runs})
    command_text = " and ".join(f"`{dataset}{command}`" for command in commands)
    return f"{seeds} seed{'s' if seeds > 1 else ''} on {location} at commit {commits}: {command_text}"
