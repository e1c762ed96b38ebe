"""Everything the report consists of, written into the results folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.atomic import write_atomically
from bench.errors import UserError
from bench.groups import Comparison, Condition, compare_groups
from bench.noise import Floors, noise_floors, noise_runs
from bench.peer_records import PeersRecord, load_peers
from bench.probe_records import load_arrays, load_probes
from bench.records import Run
from bench.report import digits, markdown, peers, plots, speed, tables, terminal
from bench.report.sections import Sections, sections_of
from bench.report.style import in_style, model_colours
from bench.report.verdicts import Pair, Stored, judge_pairs
from bench.speed_records import SpeedRecord, load_speed
from bench.storage import Predictions, Problem, load_predictions, load_runs


@dataclass(frozen=True)
class Rendered:
    """What was written, what was skipped, and what to show at the terminal."""

    page: Path
    comparisons: list[Comparison]
    pairs: dict[Condition, list[Pair]]
    problems: list[Problem]
    floors: Floors

    def terminal_text(self) -> str:
        return terminal.summary(self.comparisons, self.pairs, self.page)

    def noise_text(self) -> str:
        """The noise floors as a table."""
        return markdown.noise_floor(self.floors) if self.floors else "no trial has been repeated yet"

    def noise_rows(self) -> list[dict[str, Any]]:
        """The noise floors as plain numbers, one row per subject."""
        rows = tables.noise_table(self.floors).to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]


@in_style
def render(results: Path) -> Rendered:
    """Write ``README.md``, ``tables/`` and ``plots/`` in ``results``, and the block in the README beside the folder.

    Raises:
        UserError: the folder cannot be written.
    """
    runs, problems = load_runs(results)
    comparisons = compare_groups(runs)
    floors = noise_floors(noise_runs(results))
    stored = _load_all_predictions(results, comparisons)
    pairs = {comparison.condition: judge_pairs(comparison, stored) for comparison in comparisons}
    probes, damaged = load_probes(results)
    timed, unreadable = load_speed(results)
    others, damaged_too = load_peers(results)
    sizes = [(group.model, group.parameters) for each in comparisons for group in each.groups]
    sizes += [(each.model, each.cost.parameters) for record in timed for each in record.models]
    colours = model_colours(sizes)
    fast = speed.section(timed, colours)
    beside = peers.section(others)
    sections = {
        each.condition: sections_of(
            each, pairs[each.condition], stored, probes, lambda record: load_arrays(results, record), colours
        )
        for each in comparisons
    }
    page = results / "README.md"
    try:
        (results / "tables").mkdir(parents=True, exist_ok=True)
        (results / "plots").mkdir(exist_ok=True)
        _write_tables(results / "tables", comparisons, pairs, sections, runs, floors, timed, others)
        for name, svg in fast.pictures.items():
            write_atomically(results / "plots" / name, svg)
        pictures = [_draw(results, each, colours, stored, sections[each.condition]) for each in comparisons]
        write_atomically(
            page, markdown.page(comparisons, pairs, sections, pictures, [fast, beside], floors, unfinished(runs))
        )
        _refresh_readme(results, comparisons, pairs, sections, pictures)
    except OSError as error:
        raise UserError(
            f"cannot write the report to {results}: {error.strerror}; the records are kept, "
            "'python -m bench report' renders them once there is room"
        ) from error
    return Rendered(page, comparisons, pairs, problems + damaged + unreadable + damaged_too, floors)


def unfinished(runs: Sequence[Run]) -> list[Run]:
    """The latest run of each trial that has never finished, by machine."""
    done = {(run.machine.id, run.trial_id) for run in runs if run.status == "done"}
    latest = {(run.machine.id, run.trial_id): run for run in runs}
    return [run for key, run in latest.items() if key not in done]


def _load_all_predictions(results: Path, comparisons: Sequence[Comparison]) -> dict[str, Predictions]:
    loaded = {run.stem: load_predictions(results, run) for comparison in comparisons for run in comparison.runs}
    return {stem: predictions for stem, predictions in loaded.items() if predictions is not None}


def _write_tables(
    folder: Path,
    comparisons: Sequence[Comparison],
    pairs: Mapping[Condition, Sequence[Pair]],
    sections: Mapping[Condition, Sections],
    runs: Sequence[Run],
    floors: Floors,
    timed: Sequence[SpeedRecord],
    others: Sequence[PeersRecord],
) -> None:
    frames = {
        "accuracy": tables.accuracy_table(comparisons),
        "verdicts": tables.verdicts_table(pairs),
        "time_to_accuracy": tables.time_to_accuracy_table(comparisons),
        "speed": tables.speed_table(comparisons),
        "article_loop": speed.article_loop_table(timed),
        "peers": peers.table(others),
        "throughput": speed.throughput_table(timed),
        "epochs": tables.epochs_table(comparisons),
        "noise": tables.noise_table(floors),
        "runs": tables.runs_table(runs),
        **tables.section_tables(sections.values()),
    }
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        if frame.empty:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, frame.to_csv(index=False, lineterminator="\n"))


def _draw(
    results: Path,
    comparison: Comparison,
    colours: Mapping[str, str],
    stored: Stored,
    sections: Sections,
) -> markdown.Pictures:
    slug = comparison.condition.slug
    pictures = markdown.Pictures(
        learning_curves=f"{slug}-learning-curves.svg",
        accuracy_against_time=f"{slug}-accuracy-against-time.svg",
    )
    folder = results / "plots"
    write_atomically(folder / pictures.learning_curves, plots.learning_curves(comparison, colours))
    write_atomically(folder / pictures.accuracy_against_time, plots.accuracy_against_time(comparison, colours))
    for section in sections.values():
        for name, svg in section.pictures.items():
            write_atomically(folder / name, svg)
    for group in comparison.groups:
        if group.model in pictures.digits:
            continue
        predictions = stored.get(group.runs[0].stem)
        if predictions is not None:
            pictures.digits[group.model] = f"{slug}-digits-{group.model}.svg"
            write_atomically(folder / pictures.digits[group.model], digits.right_and_wrong(predictions))
    return pictures


def _refresh_readme(
    results: Path,
    comparisons: Sequence[Comparison],
    pairs: Mapping[Condition, Sequence[Pair]],
    sections: Mapping[Condition, Sections],
    pictures: Sequence[markdown.Pictures],
) -> None:
    """Put the new block between the markers of the README beside the results folder, if it has them."""
    readme = results.resolve().parent / "README.md"
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    before, begin, rest = text.partition(markdown.BLOCK_BEGIN)
    _, end, after = rest.partition(markdown.BLOCK_END)
    if begin and end:
        block = markdown.readme_block(comparisons, pairs, sections, pictures, results.name)
        write_atomically(readme, before + block + after)
