"""Sections on changes from commit to commit, and benchmarks of the code."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from bench.analysis import stats
from bench.analysis.condition import Condition, condition_of
from bench.analysis.groups import location_of, marked_name, timed_epochs
from bench.records.fields import digest
from bench.records.pytest_benchmarks import SavedRun
from bench.records.schema import Run
from bench.report.elements.blocks import Block, Heading, Link, Picture, Table
from bench.report.elements.formatting import three_digits
from bench.report.elements.section import Section
from bench.report.elements.style import INK, PALETTE, to_svg

K = TypeVar("K")

COLUMNS = 3  # of small plots
TREND_NOTE = (
    "Down is faster. Each dot is one call of `make track`, the median of one benchmark; the shaded band is what it may "
    "vary by before `make track` calls it slower."
)
COMMITS_NOTE = (
    "Runs of earlier commits count here alone; every other table is of the latest run of each trial. Epoch is the "
    "median over the runs of that commit."
)


def section(runs: Sequence[Run], benchmarks: Mapping[str, Sequence[SavedRun]]) -> Section:
    """Build the table of commits, where there are several, and the trends of repeated benchmarks."""
    finished = [run for run in runs if run.status == "done"]
    blocks: list[Block] = []
    commits = _commit_rows(finished)
    if commits:
        blocks += [Heading(2, "From commit to commit", "history"), Table("history", commits), COMMITS_NOTE]
    repeated = {machine: saved for machine, saved in benchmarks.items() if len(saved) > 1}
    if repeated:
        blocks.append(Heading(2, "Benchmarks of the code", "benchmarks"))
    for machine, saved in repeated.items():
        blocks.append(
            Picture(
                f"benchmarks-{machine}.svg",
                draw_trends(saved),
                f"Each benchmark's median time over {len(saved)} runs on {machine}",
                f"**{machine}**, {saved[0].moment:%Y-%m-%d} to {saved[-1].moment:%Y-%m-%d}. {TREND_NOTE}",
            )
        )
    return Section(blocks)


def draw_trends(saved: Sequence[SavedRun]) -> bytes:
    """Draw a small plot per benchmark of the latest run, as SVG: its medians relative to the first, in order."""
    names = [name for name in saved[-1].cases if sum(name in run.cases for run in saved) > 1]
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(3.3 * COLUMNS, 1.0 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False)
    for position, (axes, name) in enumerate(zip(panels.flat, names, strict=False)):
        case = saved[-1].cases[name]
        medians = np.array([run.cases[name].median_s if name in run.cases else np.nan for run in saved])
        ratios = medians / medians[~np.isnan(medians)][0]
        axes.axhspan(1 - case.threshold, 1 + case.threshold, color=INK, alpha=0.15, linewidth=0)
        axes.plot(np.arange(len(saved)), ratios, marker="o", markersize=3, color=PALETTE[position % len(PALETTE)])
        axes.set_ylim(min(0.6, np.nanmin(ratios) * 0.95), max(1.5, np.nanmax(ratios) * 1.05))
        axes.set_xticks([])
        axes.tick_params(labelsize=7)
        title = name.removeprefix("test_").replace("_", " ")
        axes.set_title(f"{title}: {three_digits(1e3 * case.median_s)} ms", fontsize=7.5, loc="left")
    for axes in list(panels.flat)[len(names) :]:
        axes.set_axis_off()
    return to_svg(figure)


def _commit_rows(finished: Sequence[Run]) -> list[dict[str, str | Link]]:
    rows: list[dict[str, str | Link]] = []
    subjects = _group_by(
        finished, lambda run: (condition_of(run), run.trial.model, location_of(run), _recipe_identity(run))
    )
    for (condition, model, location, _), runs in sorted(subjects.items(), key=lambda item: _sort_key(item[0])):
        commits = _group_by(runs, lambda run: run.git.commit or "unknown")
        if len(commits) < 2:
            continue
        first = None
        for commit, commit_runs in commits.items():
            epoch = stats.spread([seconds for run in commit_runs for seconds in timed_epochs(run)]).median
            first = first or epoch
            accuracies = [run.result.test_accuracy for run in commit_runs if run.result]
            rows.append(
                {
                    "model": marked_name(model, commit_runs),
                    "system": location,
                    "what": Link(condition.slug, condition.slug),
                    "commit": commit[:12],
                    "from": f"{commit_runs[0].started_at:%Y-%m-%d}",
                    "runs": str(len(commit_runs)),
                    "test accuracy, %": f"{100 * float(np.mean(accuracies)):.2f}",
                    "epoch, s": three_digits(epoch),
                    "times the first": f"{epoch / first:.2f}",
                }
            )
    return rows


def _recipe_identity(run: Run) -> str:
    """Identify the recipe of a run, which in an arm may be tuned anew."""
    return digest(run.trial.identity("seed", "suite", "threads"))


def _sort_key(subject: tuple[Condition, str, str, str]) -> tuple[str, ...]:
    condition, *rest = subject
    return condition.title, condition.slug, *rest


def _group_by(runs: Iterable[Run], key: Callable[[Run], K]) -> dict[K, list[Run]]:
    groups: dict[K, list[Run]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups
