"""Section on accuracy: each model's, and the verdict on each pair of models."""

from collections.abc import Sequence
from typing import Any

from bench.analysis.groups import MAX_PAIRS, ConditionResults, Group
from bench.analysis.pairwise import Pair, ranks, select_pairs
from bench.report.elements.blocks import Block, Heading, Table, anchor
from bench.report.elements.formatting import (
    accuracy_cell,
    interval_in_points,
    p_value,
    points_cell,
    provenance,
    speed_cell,
    three_digits,
)
from bench.report.elements.section import Section

OVER_SEEDS = "± is the 95 % t interval of the mean over seeds: what other seeds would give on the same test images."
OVER_IMAGES = "Brackets are Wilson's 95 % interval over test images, for a single run."
VERDICTS_NOTE = (
    "Brackets are the 95 % interval of the difference over seeds and test images. The verdict is a t test on the "
    "paired differences with both sources of error, p adjusted for all pairs of the table (Holm); models that "
    "cannot be told apart share a rank. *Detectable* is the true difference that a comparison in this table finds "
    "four times in five. For description only: *bootstrap* is the 95 % interval when seeds and test images are "
    "drawn anew 10,000 times (over few seeds it tends to be too narrow; left out of tables of more than "
    f"{MAX_PAIRS} pairs); the last column counts the images that only the first and only the second model got right."
)


def section(slug: str, comparison: ConditionResults, pairs: Sequence[Pair]) -> Section:
    """Build the tables of accuracies and of verdicts on pairs of models."""
    ranking = ranks(comparison, pairs)
    rows = [
        {
            "rank": ranking[group.model, group.location],
            **group_cells(group, comparison),
            "seeds": len(group.seeds),
            "test accuracy, %": accuracy_cell(group),
            "lowest": f"{100 * min(group.accuracies):.2f}",
            "highest": f"{100 * max(group.accuracies):.2f}",
            "each seed": ", ".join(f"{100 * accuracy:.2f}" for accuracy in group.accuracies),
        }
        for group in comparison.groups
    ]
    several = any(len(group.accuracies) > 1 for group in comparison.groups)
    blocks: list[Block] = [
        Heading(3, "Accuracy", anchor(slug, "accuracy")),
        Table("accuracy", rows, [hint(group) for group in comparison.groups]),
        f"After the last epoch, never the best one. {OVER_SEEDS if several else OVER_IMAGES}",
    ]
    shown_pairs = select_pairs(pairs, comparison)
    if shown_pairs:
        verdicts = Table(
            "verdicts",
            [_verdict_row(pair, comparison) for pair in shown_pairs],
            [_pair_hint(pair) for pair in shown_pairs],
        )
        blocks += [Heading(3, "Which differences are real", anchor(slug, "verdicts")), verdicts, VERDICTS_NOTE]
    if len(shown_pairs) < len(pairs):
        blocks.append(f"Of {len(pairs):,} pairs those with the most accurate model; `tables/verdicts.csv` has all.")
    return Section(blocks)


def headline(comparison: ConditionResults) -> Table:
    """Build the table of accuracy and cost."""
    rows = [
        {
            "model": group.name,
            "test accuracy, %": accuracy_cell(group),
            "training, s/epoch": speed_cell(three_digits(group.epoch_s), group),
            "images/s": f"{group.images_per_s:,.0f}",
            "parameters": f"{group.parameters:,}",
            **group_cells(group, comparison),
        }
        for group in comparison.groups
    ]
    return Table("models", rows, [hint(group) for group in comparison.groups])


def group_cells(group: Group, comparison: ConditionResults) -> dict[str, Any]:
    """Build the cells that identify a row's group."""
    if len(comparison.locations) == 1:
        return {"model": group.name}
    return {"model": group.name, "system": group.location}


def hint(group: Group) -> str:
    """Describe what a group's numbers are measured on."""
    seeds = ", ".join(map(str, group.seeds))
    timed = f"{len(group.timed.all_image_s)} rounds" if group.timed else f"{len(group.epoch_seconds)} epochs"
    return (
        f"n = {len(group.seeds)} (seed {seeds}), {group.test_size:,} test images, {timed} timed; "
        f"{group.location}, {group.runs[-1].trial.threads} threads; {provenance(group.runs)}"
    )


def _verdict_row(pair: Pair, comparison: ConditionResults) -> dict[str, Any]:
    return {
        "verdict": pair.words,
        **({"system": pair.location} if len(comparison.locations) > 1 else {}),
        "p": p_value(pair.verdict.adjusted_p),
        "detectable, points": points_cell(pair.detectable),
        "bootstrap, points": interval_in_points(pair.bootstrap),
        "one alone right, by seed": ", ".join(
            f"{counts.only_first}:{counts.only_second}" for counts in pair.only_one_right
        ),
    }


def _pair_hint(pair: Pair) -> str:
    return f"n = {pair.seeds} seeds of both; {pair.location}"
