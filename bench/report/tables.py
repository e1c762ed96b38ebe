"""Comparisons as data frames of plain numbers; the unit stands in the column's name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench import stats
from bench.records import Run
from bench.report.groups import Comparison, Group, place_of
from bench.report.verdicts import Pair


def accuracy_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per group: mean test accuracy after the last epoch, 95 % interval over seeds, spread over seeds.

    With one seed there is no interval over seeds; it is then Wilson's, over test images, and ``interval_over`` says so.
    """
    return _frame(comparisons, _accuracy_row)


def verdicts_table(pairs_by_condition: Mapping[str, Sequence[Pair]]) -> pd.DataFrame:
    """One row per pair of models: mean difference with its 95 % interval over seeds and test images, and the verdict.

    ``p_holm`` is adjusted for all pairs of one machine's table; ``detectable`` is the true difference that such a
    comparison finds four times in five; ``only_first`` counts the images that only the first model got right, seed by
    seed.
    """
    return pd.DataFrame(
        [{"condition": slug, **_pair_row(pair)} for slug, pairs in pairs_by_condition.items() for pair in pairs]
    )


def speed_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per group: training time of an epoch, throughput, evaluation time, size."""
    return _frame(comparisons, _speed_row)


def epochs_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per epoch of every run: the numbers behind the curves."""
    rows = [
        {**_where(comparison, group), "seed": run.trial.seed, **epoch.model_dump()}
        for comparison in comparisons
        for group in comparison.groups
        for run in group.runs
        for epoch in run.epochs
    ]
    return pd.DataFrame(rows)


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per record, failed ones too."""
    return pd.DataFrame([_run_row(run) for run in runs])


def _frame(comparisons: Sequence[Comparison], row: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [{**_where(comparison, group), **row(group)} for comparison in comparisons for group in comparison.groups]
    )


def _where(comparison: Comparison, group: Group) -> dict[str, Any]:
    return {"condition": comparison.condition.slug, "model": group.model, "machine": group.place}


def _accuracy_row(group: Group) -> dict[str, Any]:
    values = np.array(group.accuracies)
    interval = accuracy_interval(group)
    return {
        "seeds": len(values),
        "test_accuracy": values.mean(),
        "interval_low": interval.low,
        "interval_high": interval.high,
        "interval_over": "seeds" if len(values) > 1 else "test images",
        "std": values.std(ddof=1) if len(values) > 1 else np.nan,
        "min": values.min(),
        "max": values.max(),
        "parameters": group.parameters,
    }


def accuracy_interval(group: Group) -> stats.Interval:
    """95 %: Student's t over seeds; Wilson's over test images where there is but one seed."""
    if len(group.accuracies) > 1:
        return stats.t_interval(group.accuracies)
    return stats.wilson_interval(round(group.accuracies[0] * group.test_size), group.test_size)


def _pair_row(pair: Pair) -> dict[str, Any]:
    test = pair.verdict.test
    return {
        "machine": pair.place,
        "first": pair.first,
        "second": pair.second,
        "seeds": pair.seeds,
        "verdict": pair.verdict.kind,
        "difference": test.difference,
        "interval_low": test.interval.low,
        "interval_high": test.interval.high,
        "p": test.p_value,
        "p_holm": pair.verdict.adjusted_p,
        "detectable": stats.minimum_detectable(test),
        "only_first": " ".join(map(str, pair.only_first)),
        "only_second": " ".join(map(str, pair.only_second)),
    }


def _speed_row(group: Group) -> dict[str, Any]:
    epoch = group.epoch_spread
    return {
        "epochs_timed": len(group.epoch_seconds),
        "epoch_s": epoch.median,
        "epoch_s_low_quartile": epoch.low_quartile,
        "epoch_s_high_quartile": epoch.high_quartile,
        "train_images_per_s": group.images_per_s,
        "eval_s": group.eval_spread.median,
        "trial_s": float(np.median([run.clock.total_s for run in group.runs if run.clock])),
        "parameters": group.parameters,
        "train_flops_per_image": group.train_flops_per_image,
        "train_gflops": group.images_per_s * group.train_flops_per_image / 1e9,
    }


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "record": run.stem,
        "status": run.status,
        "error": run.error,
        "machine": place_of(run),
        **run.trial.model_dump(exclude={"device"}),
        **(run.result.model_dump() if run.result else {}),
        **(run.clock.model_dump() if run.clock else {}),
        "commit": run.git.commit,
        "dirty": run.git.dirty,
        "started_at": run.started_at.isoformat(timespec="seconds"),
    }
