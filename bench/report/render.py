"""Write the whole report into the results folder."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.arms import COMMON
from bench.analysis.condition import Condition
from bench.analysis.groups import ConditionResults, group_by_condition
from bench.analysis.noise_floor import noise_floors, noise_runs
from bench.analysis.pairwise import Pair, decide_pairs
from bench.analysis.speed import collect_speeds
from bench.analysis.tuning import TuningStudy, collect_studies
from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of
from bench.common.untrusted import make_folder
from bench.records.probes import ProbeRecord, load_arrays, load_probes
from bench.records.pytest_benchmarks import saved_runs
from bench.records.schema import Run
from bench.records.storage import Predictions, Problem, load_predictions, load_runs
from bench.records.throughput import ThroughputRecord, load_throughput
from bench.records.timing import load_timings
from bench.records.tuning import load_tuned
from bench.report.elements.blocks import Block, Picture
from bench.report.elements.section import Sections, build_section
from bench.report.elements.style import in_style, model_colours
from bench.report.pages import csv_tables, html, markdown, playground, terminal
from bench.report.sections import arms, frameworks, history, systems, throughput, tuning
from bench.report.sections.document import Document
from bench.report.sections.registry import build_sections
from bench.report.sections.systems import groups_of, main_system

PAGE = "README.md"
HTML_PAGE = "report.html"
README_FOLDER = "results"
MAX_CONDITIONS_WITH_IMAGES = 3
"""Number of conditions whose single images are drawn: the first, which have the most epochs and runs."""


@dataclass(frozen=True)
class Rendered:
    """A finished report: its files (``page`` in Markdown, ``html``), its content and the problems met."""

    page: Path
    html: Path
    document: Document
    problems: list[Problem]

    def terminal_text(self) -> str:
        """Format the comparison as a table in 80 columns, with the verdicts and the report's path."""
        return terminal.summary(self.document, self.html)

    def noise_text(self) -> str:
        """Format the noise floors as a table."""
        return terminal.noise(self.document.floors)

    def noise_rows(self) -> list[dict[str, Any]]:
        """Return the noise floors as plain numbers, one row per subject."""
        rows = csv_tables.noise_table(self.document.floors).to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]


@dataclass(frozen=True)
class _Records:
    """A results folder's records; ``problems`` are of files that are no records.

    ``comparisons`` groups the runs of the system that the report is about, ``others`` those of all other systems.
    """

    runs: list[Run]
    comparisons: list[ConditionResults]
    others: list[ConditionResults]
    probes: list[ProbeRecord]
    speed: list[ThroughputRecord]
    peers: list[ThroughputRecord]
    studies: list[TuningStudy]
    problems: list[Problem]

    @cached_property
    def tuning_curves(self) -> tuning.Curves:
        """Tuning curves of the studies.

        Raises:
            ImportError: opda is not installed.
        """
        return tuning.make_curves(self.studies)

    @cached_property
    def colours(self) -> dict[str, str]:
        """Colour of each model by its name, the same in every plot."""
        sizes = [(group.model, group.parameters) for group in groups_of([*self.comparisons, *self.others])]
        timed = [model for record in self.speed for model in record.models]
        sizes += [(model.model, model.cost.parameters) for model in timed if model.cost]
        return model_colours(sizes)


@in_style
def render(results: Path, system: str | None = None) -> Rendered:
    """Write the pages, ``tables/`` and ``plots/`` in ``results``, and the block in the README beside the folder.

    Args:
        system: what the report is about, by its name in tables; None: the one with the most finished runs.

    Raises:
        UserError: the folder cannot be written, or no run is of that system.
    """
    records = _read(results, system)
    document = _compose(results, records)
    try:
        _write(results, document, records)
    except OSError as error:
        raise UserError(
            f"cannot write the report to {results}: {cause_of(error)}; the records are kept, "
            "'python -m bench report' renders them once there is room"
        ) from error
    problems = records.problems + [Problem(results, reason) for reason in document.problems]
    return Rendered(results / PAGE, results / HTML_PAGE, document, problems)


def _read(results: Path, system: str | None) -> _Records:
    runs, bad_runs = load_runs(results)
    timings, bad_timings = load_timings(results)
    probes, bad_probes = load_probes(results)
    rates, bad_rates = load_throughput(results)
    tuned, bad_tuned = load_tuned(results)
    main, speeds = main_system(runs, system), collect_speeds(timings)
    return _Records(
        runs=runs,
        comparisons=group_by_condition([run for run in runs if run.machine.label == main], speeds),
        others=group_by_condition([run for run in runs if run.machine.label != main], speeds),
        probes=probes,
        speed=_of_system([record for record in rates if record.peaks], main),
        peers=_of_system([record for record in rates if not record.peaks], main),
        studies=collect_studies(tuned),
        problems=bad_runs + bad_timings + bad_probes + bad_rates + bad_tuned,
    )


def _of_system(records: list[ThroughputRecord], system: str | None) -> list[ThroughputRecord]:
    """Select the records of a system; all, which their headings tell apart, where it has none."""
    return [record for record in records if record.machine.label == system] or records


def _compose(results: Path, records: _Records) -> Document:
    pairs: dict[Condition, Sequence[Pair]] = {}
    sections: dict[Condition, Sections] = {}
    for position, comparison in enumerate(records.comparisons):
        predictions = _load_all_predictions(results, comparison)  # of one condition at a time: 40 kB for each run
        pairs[comparison.condition] = decide_pairs(comparison, predictions)
        sections[comparison.condition] = build_sections(
            comparison,
            pairs[comparison.condition],
            predictions,
            records.probes,
            lambda record: load_arrays(results, record),
            records.colours,
            with_images=position < MAX_CONDITIONS_WITH_IMAGES,
        )
    own = _collect_arms(results, records)
    general_sections = [
        build_section("arms", lambda: arms.section(own, pairs)),
        build_section("tuning", lambda: tuning.section(records.tuning_curves, records.colours)),
        build_section("speed", lambda: throughput.section(records.speed, records.colours)),
        build_section("peers", lambda: frameworks.section(records.peers)),
        build_section("systems", lambda: systems.section(records.runs, records.others)),
        build_section("history", lambda: history.section(records.runs, saved_runs(results))),
    ]
    floors = noise_floors(noise_runs(results))
    return Document(records.comparisons, records.others, pairs, sections, general_sections, floors, records.runs, own)


def _collect_arms(results: Path, records: _Records) -> arms.Arms:
    """Collect the arms, with the predictions of their runs and of those by the common recipe."""
    if not any(comparison.condition.arm for comparison in records.comparisons):
        return []
    stored: dict[str, Predictions] = {}
    for comparison in records.comparisons:
        if comparison.condition.arm or comparison.condition.recipe == COMMON:
            stored |= _load_all_predictions(results, comparison)
    return arms.collect_arms(records.comparisons, stored)


def _write(results: Path, document: Document, records: _Records) -> None:
    for folder in ("tables", "plots"):
        make_folder(results, results / folder)
    _write_tables(results / "tables", document, records)
    _write_plots(results / "plots", document.blocks)
    write_atomically(results / PAGE, markdown.page(document))
    playground_path = playground.write(results, records.comparisons, records.probes, records.colours)
    write_atomically(
        results / HTML_PAGE, html.page(document, records.colours, playground_path.name if playground_path else None)
    )
    _refresh_readme(results, document)


def _load_all_predictions(results: Path, comparison: ConditionResults) -> dict[str, Predictions]:
    loaded = {run.stem: load_predictions(results, run) for run in comparison.runs}
    return {stem: predictions for stem, predictions in loaded.items() if predictions is not None}


def _write_tables(folder: Path, document: Document, records: _Records) -> None:
    comparisons = [*document.comparisons, *document.others]
    frames = {
        **csv_tables.section_tables(document.sections.values()),
        "accuracy": csv_tables.accuracy_table(comparisons),
        "verdicts": csv_tables.verdicts_table(document.pairs),
        "time_to_accuracy": csv_tables.time_to_accuracy_table(comparisons),
        "speed": csv_tables.speed_table(comparisons),
        "speed_ratios": csv_tables.speed_ratios_table(comparisons),
        "article_loop": throughput.article_loop_table(records.speed),
        "peers": frameworks.table(records.peers),
        "throughput": throughput.throughput_table(records.speed),
        "epochs": csv_tables.epochs_table(comparisons),
        "noise": csv_tables.noise_table(document.floors),
        "arms": arms.table(document.arms),
        "tuning": _tuning_table(records),
        "runs": csv_tables.runs_table(document.runs),
    }
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        if frame.empty:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, csv_tables.csv_text(frame))


def _tuning_table(records: _Records) -> pd.DataFrame:
    """Build the table of tuning curves; empty where they cannot be computed, which their section says."""
    with contextlib.suppress(ImportError):
        return tuning.table(records.tuning_curves)
    return pd.DataFrame()


def _write_plots(folder: Path, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if isinstance(block, Picture):
            write_atomically(folder / block.file, block.svg)


def _refresh_readme(results: Path, document: Document) -> None:
    """Put the new block between the markers of the README beside the results folder, if it has them.

    Other folders than ``results`` are experiments, which the README does not show.
    """
    folder = results.resolve()
    if folder.name != README_FOLDER:
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
