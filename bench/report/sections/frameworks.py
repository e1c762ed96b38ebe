"""Section on other frameworks: the same training by the article's own loop and by others, against ours."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.analysis import stats
from bench.records.throughput import OURS, ThroughputRecord
from bench.report.elements.blocks import Block, Heading, Table, anchor
from bench.report.elements.formatting import commit_text, three_digits
from bench.report.elements.section import Section

NOTE = (
    "An epoch of training, median over rounds in which all took turns, each in a process of its own after an epoch of "
    "warm-up (compiling is in none of the times). *Of ours*: theirs over ours round by round, with the 95 % interval "
    "of the median, over the rounds in which the machine was near its fastest. Each framework does it as its own "
    "documentation does, from images in memory where it can; Lightning trains on the article's DataLoader. Slow epochs "
    "are measured on their first steps and made up for in proportion."
)
COLUMNS = ["model", "framework", "system", "device", "threads", "rounds", "epoch_s", "note", "versions", "commit"]


def section(records: Sequence[ThroughputRecord]) -> Section:
    """Build the tables of all records; empty without records."""
    if not records:
        return Section()
    blocks: list[Block] = [Heading(2, "Beside other frameworks", "peers")]
    for record in records:
        heading = f"{record.location}, {record.threads} threads, {record.precision}"
        blocks += [
            Heading(3, heading, anchor(record.machine.label, "peers")),
            Table("peers", rows_of(record)),
            f"{NOTE} Measured {record.started_at:%Y-%m-%d} at commit {commit_text(record.git)}; repeat it with "
            f"`make peers`. Versions: {_versions(record)}.",
        ]
    return Section(blocks)


def rows_of(record: ThroughputRecord) -> list[dict[str, Any]]:
    """One row per model and framework, fastest first."""
    models = [model.model for model in record.models]
    rows = sorted(epoch_rows([record]), key=lambda row: (models.index(row["model"]), not row["rounds"], row["epoch_s"]))
    return [
        {
            "model": row["model"],
            "framework": row["framework"],
            "epoch, s": three_digits(row["epoch_s"]) if row["rounds"] else "",
            "of ours": ratio_text(row, 2) if row["framework"] != OURS else "",
            "note": row["note"],
        }
        for row in rows
    ]


def table(records: Sequence[ThroughputRecord]) -> pd.DataFrame:
    """One row per system, model and framework, for the CSV."""
    return pd.DataFrame(epoch_rows(records), columns=COLUMNS)


def epoch_rows(records: Sequence[ThroughputRecord]) -> list[dict[str, Any]]:
    """One row per system, model and framework, as numbers; ratios are to our epoch, round by round, NaN for none."""
    return [
        {
            "model": model.model,
            "framework": times.framework,
            **condition_columns(record),
            "rounds": len(times.epoch_s),
            "epoch_s": stats.spread(times.epoch_s).median,
            "harness_epoch_s": stats.spread(model.epoch_s(OURS)).median,
            "ratio": ratio.median,
            "ratio_low": ratio.low,
            "ratio_high": ratio.high,
            "note": times.note,
            "versions": " ".join(f"{name} {version}" for name, version in times.versions.items()),
        }
        for record in records
        for model in record.models
        for times in model.times
        for ratio in [stats.paired_ratio(*model.times_in_turn(times.framework))]
    ]


def condition_columns(record: ThroughputRecord) -> dict[str, Any]:
    """Build the columns on the measuring conditions: system, device, precision, threads, commit."""
    return {
        "system": record.machine.label,
        "device": record.device,
        "precision": record.precision,
        "threads": record.threads,
        "commit": record.git.commit,
    }


def ratio_text(row: dict[str, Any], digits: int) -> str:
    """Format a ratio and its interval, as far as there is one; empty where there is no ratio."""
    median, low, high = (f"{row[name]:.{digits}f}" for name in ("ratio", "ratio_low", "ratio_high"))
    if math.isnan(row["ratio"]):
        return ""
    return median if math.isnan(row["ratio_low"]) else f"{median} [{low}, {high}]"


def _versions(record: ThroughputRecord) -> str:
    known = {pair for model in record.models for times in model.times for pair in times.versions.items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(known))
