"""Everything the report consists of, written into the results folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.analysis.groups import Condition, ConditionResults, group_by_condition
from bench.analysis.noise_floor import noise_floors, noise_runs
from bench.analysis.pairwise import Pair, decide_pairs
from bench.common.atomic import write_atomically
from bench.common.errors import UserError
from bench.common.untrusted import make_folder
from bench.records.probes import ProbeRecord, load_arrays, load_probes
from bench.records.pytest_benchmarks import saved_runs
from bench.records.schema import Run
from bench.records.storage import Predictions, Problem, load_predictions, load_runs
from bench.records.throughput import ThroughputRecord, load_throughput
from bench.report.elements.blocks import Block, Picture
from bench.report.elements.section import Sections, build_section
from bench.report.elements.style import in_style, model_colours
from bench.report.pages import csv_tables, html, markdown, playground, terminal
from bench.report.sections import frameworks, history, throughput
from bench.report.sections.document import Document
from bench.report.sections.registry import build_sections

PAGE = "README.md"
HTML_PAGE = "report.html"
IN_THE_README = "results"
WITH_DIGITS = 3
"""Conditions whose pictures of single images are drawn: the first, which have the most epochs and runs."""


@dataclass(frozen=True)
class Rendered:
    """What was written (``page`` in Markdown, ``html``), what was skipped, and what to show at the terminal."""

    page: Path
    html: Path
    document: Document
    problems: list[Problem]

    def terminal_text(self) -> str:
        """The comparison as a table in 80 columns, the verdicts, and where the report lies."""
        return terminal.summary(self.document, self.html)

    def noise_text(self) -> str:
        """The noise floors as a table."""
        return terminal.noise(self.document.floors)

    def noise_rows(self) -> list[dict[str, Any]]:
        """The noise floors as plain numbers, one row per subject."""
        rows = csv_tables.noise_table(self.document.floors).to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]


@dataclass(frozen=True)
class _Measured:
    """What the records hold; ``comparisons`` are of ``runs``, ``problems`` the files that are no records."""

    runs: list[Run]
    comparisons: list[ConditionResults]
    probes: list[ProbeRecord]
    speed: list[ThroughputRecord]
    peers: list[ThroughputRecord]
    problems: list[Problem]

    @cached_property
    def colours(self) -> dict[str, str]:
        """Of each model, by its name, the same in every picture."""
        sizes = [(group.model, group.parameters) for each in self.comparisons for group in each.groups]
        sizes += [(each.model, each.cost.parameters) for record in self.speed for each in record.models if each.cost]
        return model_colours(sizes)


@in_style
def render(results: Path) -> Rendered:
    """Write the pages, ``tables/`` and ``plots/`` in ``results``, and the block in the README beside the folder.

    Raises:
        UserError: the folder cannot be written.
    """
    measured = _read(results)
    document = _compose(results, measured)
    try:
        _write(results, document, measured)
    except OSError as error:
        raise UserError(
            f"cannot write the report to {results}: {error.strerror}; the records are kept, "
            "'python -m bench report' renders them once there is room"
        ) from error
    problems = measured.problems + [Problem(results, reason) for reason in document.problems]
    return Rendered(results / PAGE, results / HTML_PAGE, document, problems)


def _read(results: Path) -> _Measured:
    runs, problems = load_runs(results)
    probes, damaged = load_probes(results)
    timed, unreadable = load_throughput(results)
    speed_records = [record for record in timed if record.peaks]
    peers_records = [record for record in timed if not record.peaks]
    return _Measured(
        runs, group_by_condition(runs), probes, speed_records, peers_records, problems + damaged + unreadable
    )


def _compose(results: Path, measured: _Measured) -> Document:
    pairs: dict[Condition, Sequence[Pair]] = {}
    sections: dict[Condition, Sections] = {}
    for position, each in enumerate(measured.comparisons):
        stored = _load_all_predictions(results, each)  # of one condition at a time: 40 kB for each run
        pairs[each.condition] = decide_pairs(each, stored)
        sections[each.condition] = build_sections(
            each,
            pairs[each.condition],
            stored,
            measured.probes,
            lambda record: load_arrays(results, record),
            measured.colours,
            with_digits=position < WITH_DIGITS,
        )
    apart = [
        build_section("speed", lambda: throughput.section(measured.speed, measured.colours)),
        build_section("peers", lambda: frameworks.section(measured.peers)),
        build_section("history", lambda: history.section(measured.runs, saved_runs(results))),
    ]
    floors = noise_floors(noise_runs(results))
    return Document(measured.comparisons, pairs, sections, apart, floors, measured.runs)


def _write(results: Path, document: Document, measured: _Measured) -> None:
    for folder in ("tables", "plots"):
        make_folder(results, results / folder)
    _write_tables(results / "tables", document, measured)
    _write_plots(results / "plots", document.blocks)
    write_atomically(results / PAGE, markdown.page(document))
    beside = playground.write(results, measured.comparisons, measured.probes, measured.colours)
    write_atomically(results / HTML_PAGE, html.page(document, measured.colours, beside.name if beside else None))
    _refresh_readme(results, document)


def _load_all_predictions(results: Path, comparison: ConditionResults) -> dict[str, Predictions]:
    loaded = {run.stem: load_predictions(results, run) for run in comparison.runs}
    return {stem: predictions for stem, predictions in loaded.items() if predictions is not None}


def _write_tables(folder: Path, document: Document, measured: _Measured) -> None:
    comparisons = document.comparisons
    frames = {
        **csv_tables.section_tables(document.sections.values()),
        "accuracy": csv_tables.accuracy_table(comparisons),
        "verdicts": csv_tables.verdicts_table(document.pairs),
        "time_to_accuracy": csv_tables.time_to_accuracy_table(comparisons),
        "speed": csv_tables.speed_table(comparisons),
        "article_loop": throughput.article_loop_table(measured.speed),
        "peers": frameworks.table(measured.peers),
        "throughput": throughput.throughput_table(measured.speed),
        "epochs": csv_tables.epochs_table(comparisons),
        "noise": csv_tables.noise_table(document.floors),
        "runs": csv_tables.runs_table(document.runs),
    }
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        if frame.empty:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, csv_tables.csv_text(frame))


def _write_plots(folder: Path, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if isinstance(block, Picture):
            write_atomically(folder / block.file, block.svg)


def _refresh_readme(results: Path, document: Document) -> None:
    """Put the new block between the markers of the README beside the results folder, if it has them.

    Other folders than ``results`` are somebody's trial, which the README does not speak of.
    """
    folder = results.resolve()
    if folder.name != IN_THE_README:
        return
    readme = folder.parent / "README.md"
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    before, begin, rest = text.partition(markdown.BLOCK_BEGIN)
    _, end, after = rest.partition(markdown.BLOCK_END)
    if begin and end:
        write_atomically(readme, before + markdown.readme_block(document, folder.name) + after)
