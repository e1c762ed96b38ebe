"""The same training in other frameworks, beside ours."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench import stats
from bench.peer_records import OURS, PeersRecord, PeerTimes
from bench.report.blocks import Block, Heading, Table, anchor
from bench.report.cells import commit_words, three_digits
from bench.report.section import Section

NOTE = (
    "An epoch of training, median over rounds in which all took turns, each in a process of its own after an epoch of "
    "warm-up (compiling is in none of the times). *Of ours*: theirs over ours, round by round, median and range. Each "
    "framework does it as its own documentation does, from images in memory where it can; Lightning trains on the "
    "article's DataLoader. Slow epochs are measured on their first steps and made up for in proportion."
)


def section(records: Sequence[PeersRecord]) -> Section:
    """All records, one after the other; empty where there are none."""
    if not records:
        return Section()
    blocks: list[Block] = [Heading(2, "Beside other frameworks", "peers")]
    for record in records:
        blocks += [
            Heading(3, f"{record.place}, {record.threads} threads, fp32", anchor(record.machine.label, "peers")),
            Table("peers", rows_of(record)),
            f"{NOTE} Measured {record.started_at:%Y-%m-%d} at commit {commit_words(record.git)}; repeat it with "
            f"`make peers`. Versions: {_versions(record)}.",
        ]
    return Section(blocks)


def rows_of(record: PeersRecord) -> list[dict[str, Any]]:
    """One row per model and framework, fastest first."""
    rows = []
    for model in dict.fromkeys(each.model for each in record.times):
        its = [each for each in record.times if each.model == model]
        ours = next((each.epoch_s for each in its if each.peer == OURS), [])
        its.sort(key=lambda each: stats.spread(each.epoch_s).median if each.epoch_s else float("inf"))
        rows += [_row(each, ours) for each in its]
    return rows


def table(records: Sequence[PeersRecord]) -> pd.DataFrame:
    """One row per machine, model and framework, for the CSV."""
    return pd.DataFrame(
        [
            {
                "model": each.model,
                "framework": each.peer,
                "machine": record.machine.label,
                "device": record.device,
                "threads": record.threads,
                "rounds": len(each.epoch_s),
                "epoch_s": stats.spread(each.epoch_s).median,
                "note": each.note,
                "versions": " ".join(f"{name} {version}" for name, version in each.versions.items()),
                "commit": record.git.commit,
            }
            for record in records
            for each in record.times
        ]
    )


def _row(each: PeerTimes, ours: Sequence[float]) -> dict[str, Any]:
    row = {"model": each.model, "framework": each.peer, "epoch, s": "", "of ours": "", "note": each.note}
    if each.epoch_s:
        row["epoch, s"] = three_digits(stats.spread(each.epoch_s).median)
    if each.epoch_s and len(each.epoch_s) == len(ours) and each.peer != OURS:
        ratios = [theirs / mine for theirs, mine in zip(each.epoch_s, ours, strict=True)]
        row["of ours"] = f"{stats.spread(ratios).median:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return row


def _versions(record: PeersRecord) -> str:
    known = {name: version for each in record.times for name, version in each.versions.items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(known.items()))
