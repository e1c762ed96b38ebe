"""Build data frames of plain numbers from comparisons; the unit is in the column's name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.condition import Condition
from bench.analysis.groups import ConditionResults, Group, location_of, run_flags
from bench.analysis.noise_floor import Floors, floors_of
from bench.analysis.pairwise import Pair
from bench.data.registry import goals_of
from bench.records.schema import Clock, Result, Run
from bench.report.elements.formatting import spreadsheet_safe
from bench.report.elements.section import Sections

TRIAL_COLUMNS = (
    "suite", "model", "recipe", "arm", "dataset", "seed", "epochs", "batch_size", "optimizer", "learning_rate",
    "precision", "threads", "train_size", "pixel_order",
)  # fmt: skip
"""Without the device, which stands beside the system's name."""
RUN_COLUMNS = [
    "record",
    "status",
    "error",
    "system",
    "machine",
    *TRIAL_COLUMNS,
    "recipe_details",
    *Result.model_fields,
    *Clock.model_fields,
    "commit",
    "flags",
    "model_flags",
    "started_at",
]
"""Columns of :func:`runs_table`; :func:`bench.api.load` describes them."""


def accuracy_table(comparisons: Sequence[ConditionResults]) -> pd.DataFrame:
    """One row per group: mean test accuracy after the last epoch, 95 % interval over seeds, spread over seeds.

    With one seed there is no interval over seeds; it is then Wilson's, over test images, and ``interval_over`` says so.
    """
    return _group_table(comparisons, _accuracy_row)


def verdicts_table(pairs_by_condition: Mapping[Condition, Sequence[Pair]]) -> pd.DataFrame:
    """One row per pair of models: mean difference with its 95 % interval over seeds and test images, and the verdict.

    ``p_holm`` is adjusted for all pairs of one machine's table; ``detectable`` is the true difference that such a
    comparison finds four times in five. For description: the two-way bootstrap interval, and seed by seed how many
    images only the first and only the second model got right, with McNemar's exact p.
    """
    return pd.DataFrame(
        [
            {"condition": condition.slug, **_pair_row(pair)}
            for condition, pairs in pairs_by_condition.items()
            for pair in pairs
        ]
    )


def speed_table(comparisons: Sequence[ConditionResults]) -> pd.DataFrame:
    """One row per group: throughput in the timing rounds, training time of an epoch in trials, evaluation, size."""
    return _group_table(comparisons, _speed_row)


def speed_ratios_table(comparisons: Sequence[ConditionResults]) -> pd.DataFrame:
    """One row per pair of models timed in turn: the ratio of their times with its 95 % interval over rounds."""
    return pd.DataFrame(
        [
            {
                "condition": comparison.condition.slug,
                "system": pair.location,
                "slower": pair.first,
                "faster": pair.second,
                "ratio": pair.ratio.median,
                "interval_low": pair.ratio.low,
                "interval_high": pair.ratio.high,
                "rounds": pair.ratio.rounds,
                "told": pair.ratio.is_told,
            }
            for comparison in comparisons
            for pair in comparison.speed_pairs
        ]
    )


def time_to_accuracy_table(comparisons: Sequence[ConditionResults]) -> pd.DataFrame:
    """One row per group and goal: seconds of training until the test accuracy is reached, and how many seeds missed."""
    return pd.DataFrame(
        [
            {**_group_columns(comparison, group), "goal": goal, **vars(group.times_to(goal)), **_model_flags(group)}
            for comparison in comparisons
            for group in comparison.groups
            for goal in goals_of(comparison.condition.dataset).in_time
        ]
    ).rename(columns={"median": "median_s", "low": "lowest_s", "high": "highest_s", "trials": "seeds"})


def noise_table(floors: Floors) -> pd.DataFrame:
    """One row per subject of A/A runs: the largest change between two repeats, a share for times and sizes."""
    keys = sorted({key for key, _ in floors})
    return pd.DataFrame(
        [
            {
                **vars(key),
                "repeats": min(floor.repeats for floor in floors_of(key, floors).values()),
                **{metric: floor.change for metric, floor in floors_of(key, floors).items()},
            }
            for key in keys
        ]
    ).rename(columns={"location": "system"})


def epochs_table(comparisons: Sequence[ConditionResults]) -> pd.DataFrame:
    """One row per epoch of every run: the numbers behind the curves."""
    rows = [
        {**_group_columns(comparison, group), "seed": run.trial.seed, **epoch.model_dump()}
        for comparison in comparisons
        for group in comparison.groups
        for run in group.runs
        for epoch in run.epochs
    ]
    return pd.DataFrame(rows)


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per record, failed ones too; always the same columns."""
    return pd.DataFrame([_run_row(run) for run in runs], columns=RUN_COLUMNS)


def csv_text(frame: pd.DataFrame) -> str:
    """Format the frame as CSV, in which a spreadsheet takes no text for a formula."""
    safe = frame.map(lambda value: spreadsheet_safe(value) if isinstance(value, str) else value)
    return safe.rename(columns=spreadsheet_safe).to_csv(index=False, lineterminator="\n")


def _group_table(comparisons: Sequence[ConditionResults], row: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**_group_columns(comparison, group), **row(group), **_model_flags(group)}
            for comparison in comparisons
            for group in comparison.groups
        ]
    )


def _group_columns(comparison: ConditionResults, group: Group) -> dict[str, Any]:
    return {"condition": comparison.condition.slug, "model": group.model, "system": group.location}


def _model_flags(group: Group) -> dict[str, str]:
    return {"model_flags": " ".join(group.model_flags)}


def _accuracy_row(group: Group) -> dict[str, Any]:
    values = np.array(group.accuracies)
    interval = group.accuracy_interval
    return {
        "seeds": len(values),
        "test_accuracy": group.mean_accuracy,
        "interval_low": interval.low,
        "interval_high": interval.high,
        "interval_over": "seeds" if len(values) > 1 else "test images",
        "std": values.std(ddof=1) if len(values) > 1 else np.nan,
        "min": values.min(),
        "max": values.max(),
        "parameters": group.parameters,
    }


def _pair_row(pair: Pair) -> dict[str, Any]:
    test = pair.verdict.test
    return {
        "system": pair.location,
        "first": pair.first,
        "second": pair.second,
        "seeds": pair.seeds,
        "verdict": pair.verdict.kind,
        "difference": test.difference,
        "interval_low": test.interval.low,
        "interval_high": test.interval.high,
        "p": test.p_value,
        "p_holm": pair.verdict.adjusted_p,
        "detectable": pair.detectable,
        "bootstrap_low": pair.bootstrap.low,
        "bootstrap_high": pair.bootstrap.high,
        "only_first": " ".join(str(counts.only_first) for counts in pair.only_one_right),
        "only_second": " ".join(str(counts.only_second) for counts in pair.only_one_right),
        "mcnemar_p": " ".join(f"{counts.p_value:.3g}" for counts in pair.only_one_right),
        "flagged_models": " ".join(pair.flagged),
    }


def _speed_row(group: Group) -> dict[str, Any]:
    epoch, timed = group.epoch_spread, group.timed
    flops = group.train_flops_per_image
    return {
        "rounds": len(timed.all_image_s) if timed else 0,
        "train_images_per_s": group.images_per_s,
        "train_images_per_s_median": timed.median_images_per_s if timed else group.images_per_s,
        "epochs_timed": len(group.epoch_seconds),
        "epoch_s": epoch.median,
        "epoch_s_low_quartile": epoch.low_quartile,
        "epoch_s_high_quartile": epoch.high_quartile,
        "eval_s": group.eval_spread.median,
        "trial_s": group.trial_s,
        "unsteady": group.unsteady,
        "machines": group.machines,
        "parameters": group.parameters,
        "train_flops_per_image": pd.NA if flops is None else flops,  # None would turn the others into floats
        "train_gflops": None if flops is None else group.images_per_s * flops / 1e9,
    }


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "record": run.stem,
        "status": run.status,
        "error": run.error,
        "system": location_of(run),
        "machine": run.machine.name,
        **{name: getattr(run.trial, name) for name in TRIAL_COLUMNS},
        "epochs": float(run.trial.epochs),
        "recipe_details": run.trial.details,
        **(run.result.model_dump() if run.result else {}),
        **(run.clock.model_dump() if run.clock else {}),
        "commit": run.git.commit,
        "flags": " ".join(run_flags(run)),
        "model_flags": " ".join(dict.fromkeys(flag.name for flag in run.flags)),
        "started_at": run.started_at.isoformat(timespec="seconds"),
    }


def section_tables(conditions: Iterable[Sections]) -> dict[str, pd.DataFrame]:
    """Build one table per section name over all conditions: a row per run and number."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for sections in conditions:
        for name, section in sections.items():
            tables.setdefault(name, []).extend(section.rows)
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}
