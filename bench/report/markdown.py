"""The pages in Markdown: ``results/README.md``, and the block in the project's own README."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tabulate import tabulate

from bench import stats
from bench.records import Run
from bench.report.groups import Comparison, Group, place_of
from bench.report.tables import accuracy_interval
from bench.report.verdicts import Pair, ranks

BLOCK_BEGIN = "<!-- results:begin (written by `make report`; do not edit) -->"
BLOCK_END = "<!-- results:end -->"


@dataclass(frozen=True)
class Pictures:
    """File names below ``results/plots`` for one condition; ``digits`` has one entry per model."""

    learning_curves: str
    accuracy_against_time: str
    digits: dict[str, str] = field(default_factory=dict)


def page(
    comparisons: Sequence[Comparison],
    pairs: Mapping[str, Sequence[Pair]],
    pictures: Sequence[Pictures],
    failed: Sequence[Run],
) -> str:
    """All of ``results/README.md``."""
    parts = [
        "# Results",
        "Written from the records in `runs/` by `python -m bench report`; every table is in `tables/` as CSV.",
    ]
    if not comparisons:
        parts.append("No finished run yet: `make bench` trains the models and fills this page.")
    for comparison, drawn in zip(comparisons, pictures, strict=True):
        parts += _section(comparison, pairs[comparison.condition.slug], drawn)
    if failed:
        parts += ["## Runs that did not finish", _failures(failed)]
    return "\n\n".join(parts) + "\n"


def readme_block(
    comparisons: Sequence[Comparison],
    pairs: Mapping[str, Sequence[Pair]],
    pictures: Sequence[Pictures],
    folder: str,
) -> str:
    """The table and picture of the project's README: the first comparison, markers included."""
    if not comparisons:
        return f"{BLOCK_BEGIN}\nNo finished run yet.\n{BLOCK_END}"
    comparison, drawn = comparisons[0], pictures[0]
    picture = f"![Test error against training time]({folder}/plots/{drawn.accuracy_against_time})"
    title, table = f"**{comparison.condition.title}**", headline_table(comparison)
    words = "; ".join(escape(pair.words) for pair in pairs[comparison.condition.slug])
    parts = [BLOCK_BEGIN, title, table, f"{words}." if words else "", _sources(comparison), picture, BLOCK_END]
    return "\n\n".join(part for part in parts if part)


def headline_table(comparison: Comparison) -> str:
    """Accuracy and cost in one Markdown table."""
    rows = [
        {
            **_name(group, comparison),
            "test accuracy": percent_with_interval(group),
            "training time per epoch": seconds(group.epoch_spread.median),
            "images/s": f"{group.images_per_s:,.0f}",
            "parameters": f"{group.parameters:,}",
        }
        for group in comparison.groups
    ]
    return to_markdown(rows)


def percent_with_interval(group: Group) -> str:
    """``98.98 % ± 0.12``; Wilson's interval is not symmetric and stands in brackets."""
    mean = 100 * sum(group.accuracies) / len(group.accuracies)
    interval = accuracy_interval(group)
    if len(group.accuracies) > 1:
        return f"{mean:.2f} % ± {100 * (interval.high - interval.low) / 2:.2f}"
    return f"{mean:.2f} % [{100 * interval.low:.2f}, {100 * interval.high:.2f}]"


def seconds(value: float) -> str:
    """Three digits that count: ``0.213 s``, ``9.41 s``, ``127 s``."""
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def to_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Names to the left, numbers to the right; a cell never breaks the table."""
    safe = [{key: escape(value) for key, value in row.items()} for row in rows]
    align = ["left" if key in ("model", "machine", "verdict") else "right" for key in rows[0]]
    return tabulate(safe, headers="keys", tablefmt="pipe", colalign=align, disable_numparse=True)


def escape(value: Any) -> str:
    """Text as Markdown shows it literally."""
    text = " ".join(str(value).split()).replace("<", "&lt;")
    return re.sub(r"[\\|*`]", r"\\\g<0>", text)


def _section(comparison: Comparison, pairs: Sequence[Pair], drawn: Pictures) -> list[str]:
    several = any(len(group.accuracies) > 1 for group in comparison.groups)
    return [
        f"## {comparison.condition.title}",
        "### Accuracy",
        _accuracy(comparison, pairs),
        _accuracy_note(several),
        *_verdicts(comparison, pairs),
        "### Speed",
        _speed(comparison),
        "Median and quartiles over all epochs after each trial's first; training alone, evaluation in its own column. "
        "The trial's time is everything: process start, data, warm-up, training, evaluation. "
        "GFLOP/s counts 2 per multiply-add, forward and backward.",
        "### Learning curves",
        f"![Test error by epoch](plots/{drawn.learning_curves})",
        "A thin line is one seed, the thick one their mean.",
        "### Accuracy against training time",
        f"![Test error against seconds of training](plots/{drawn.accuracy_against_time})",
        *_digits(drawn),
        "### Conditions",
        _conditions(comparison),
    ]


def _accuracy(comparison: Comparison, pairs: Sequence[Pair]) -> str:
    ranking = ranks(comparison, pairs)
    return to_markdown(
        [
            {
                "rank": ranking[group.model, group.place],
                **_name(group, comparison),
                "seeds": len(group.seeds),
                "test accuracy": percent_with_interval(group),
                "lowest": f"{100 * min(group.accuracies):.2f} %",
                "highest": f"{100 * max(group.accuracies):.2f} %",
                "each seed": ", ".join(f"{100 * accuracy:.2f}" for accuracy in group.accuracies),
            }
            for group in comparison.groups
        ]
    )


def _accuracy_note(several_seeds: bool) -> str:
    over_seeds = "± is the 95 % t interval of the mean over seeds: what other seeds would give on the same test images."
    over_images = "Brackets are Wilson's 95 % interval over test images, for a single run."
    return f"After the last epoch, never the best one. {over_seeds if several_seeds else over_images}"


def _verdicts(comparison: Comparison, pairs: Sequence[Pair]) -> list[str]:
    if not pairs:
        return []
    rows = [
        {
            "verdict": pair.words,
            **({"machine": pair.place} if len(comparison.places) > 1 else {}),
            "p": _p_value(pair.verdict.adjusted_p),
            "detectable": _points(stats.minimum_detectable(pair.verdict.test)),
            "right in one alone, seed by seed": ", ".join(
                f"{first}:{second}" for first, second in zip(pair.only_first, pair.only_second, strict=True)
            ),
        }
        for pair in pairs
    ]
    return [
        "### Which differences are real",
        to_markdown(rows),
        "Brackets are the 95 % interval of the difference over seeds and test images. The verdict is a t test on the "
        "paired differences with both sources of error, p adjusted for all pairs of the table (Holm); models that "
        "cannot be told apart share a rank. *Detectable* is the true difference such a comparison finds four times in "
        "five. The last column counts, for description, the images only the first and only the second model got right.",
    ]


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _points(fraction: float) -> str:
    return "unknown" if math.isnan(fraction) else f"{100 * fraction:.2f} points"


def _speed(comparison: Comparison) -> str:
    return to_markdown(
        [
            {
                **_name(group, comparison),
                "epoch": seconds(group.epoch_spread.median),
                "quartiles": f"{group.epoch_spread.low_quartile:.3g} to {group.epoch_spread.high_quartile:.3g} s",
                "images/s": f"{group.images_per_s:,.0f}",
                "evaluation": seconds(group.eval_spread.median),
                "trial": seconds(_trial_seconds(group)),
                "parameters": f"{group.parameters:,}",
                "MFLOP/image": f"{group.train_flops_per_image / 1e6:,.3g}",
                "GFLOP/s": f"{group.images_per_s * group.train_flops_per_image / 1e9:,.3g}",
            }
            for group in comparison.groups
        ]
    )


def _trial_seconds(group: Group) -> float:
    totals = sorted(run.clock.total_s for run in group.runs if run.clock)
    return totals[len(totals) // 2]


def _digits(drawn: Pictures) -> list[str]:
    if not drawn.digits:
        return []
    parts = [
        "### Right and wrong digits",
        "The first twelve test images each model got right and the first twelve it got wrong, lowest seed; above each "
        "the label, the answer where it differs, and the probability the model gave its answer.",
    ]
    for model, file in drawn.digits.items():
        parts += [f"**{escape(model)}**", f"![Digits that {model} got right and wrong](plots/{file})"]
    return parts


def _conditions(comparison: Comparison) -> str:
    rows = []
    for place in comparison.places:
        runs = [run for group in comparison.groups if group.place == place for run in group.runs]
        rows += [{"what": key, "value": value} for key, value in _facts(place, runs).items()]
    trial = comparison.runs[0].trial
    rows += [
        {
            "what": "recipe",
            "value": f"{trial.recipe}: {trial.optimizer} {trial.learning_rate:g}, batch {trial.batch_size}, "
            f"{trial.epochs} epochs, {trial.precision}, cross-entropy, {trial.train_size:,} training images",
        }
    ]
    rows += [{"what": f"SHA-256 of {file}", "value": sha} for file, sha in comparison.runs[0].data.sha256.items()]
    return tabulate(
        [{key: escape(value) for key, value in row.items()} for row in rows],
        headers="keys", tablefmt="pipe", disable_numparse=True,
    )  # fmt: skip


def _facts(place: str, runs: Sequence[Run]) -> dict[str, str]:
    newest = max(runs, key=lambda run: run.started_at)
    environment = newest.environment
    hardware = [str(environment[key]) for key in ("gpu_model", "cpu_model") if environment.get(key)]
    names = ("python", "torch", "torchvision", "numpy")
    libraries = [f"{name} {environment[name]}" for name in names if name in environment]
    return {
        f"machine {place}": f"{', '.join(hardware)}, {newest.trial.threads} threads, {environment.get('os', '')}",
        "versions": ", ".join(libraries),
        "commit": ", ".join(sorted({_commit(run) for run in runs})),
        "measured": f"{min(run.started_at for run in runs):%Y-%m-%d} to {newest.started_at:%Y-%m-%d}",
    }


def _commit(run: Run) -> str:
    return f"{(run.git.commit or 'unknown')[:12]}{' with uncommitted changes' if run.git.dirty else ''}"


def _sources(comparison: Comparison) -> str:
    commits = ", ".join(sorted({_commit(run) for run in comparison.runs}))
    seeds = max(len(group.seeds) for group in comparison.groups)
    where = f"{seeds} seed{'s' if seeds > 1 else ''} on {', '.join(comparison.places)}"
    return f"{where}; commit {commits}; repeat it with `make bench`."


def _failures(failed: Iterable[Run]) -> str:
    return to_markdown(
        [
            {
                "model": run.trial.model,
                "machine": place_of(run),
                "seed": run.trial.seed,
                "status": run.status,
                "epochs done": f"{len(run.epochs)} of {run.trial.epochs}",
                "reason": run.error or "",
            }
            for run in failed
        ]
    )


def _name(group: Group, comparison: Comparison) -> dict[str, str]:
    if len(comparison.places) == 1:
        return {"model": group.model}
    return {"model": group.model, "machine": group.place}
