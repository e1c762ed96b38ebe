"""Section on the cost of training: throughput, the ratios between models, and the time to a given accuracy."""

import math
from typing import Any

from bench.analysis.groups import ConditionResults
from bench.analysis.speed import SpeedPair
from bench.data.registry import goals_of
from bench.report.elements.blocks import Block, Heading, Table, anchor
from bench.report.elements.formatting import speed_cell, three_digits, time_cell, unsteady_notes
from bench.report.elements.section import Section
from bench.report.sections.accuracy import group_cells, hint

SPEED_NOTE = (
    "*Images/s*: training steps in the fastest quarter of the timing rounds, which is what the machine can do; "
    "*median*: in the median round. In a round every model takes steps for 0.2 s, one after the other, and the rounds "
    "are spread over the trials. Where there are no rounds, images/s are of the median epoch. The trial's time is "
    "everything: process start, data, warm-up, training, evaluation. GFLOP/s counts 2 per multiply-add, forward and "
    "backward."
)
PAIRS_NOTE = (
    "The ratio of two models' times round by round, and the 95 % bootstrap interval of its median, over the rounds in "
    "which the two together were at most a tenth slower than at their fastest. A machine that slows down slows both, "
    "so a ratio can be tight where times are not. Each interval stands for itself, and decides which model is faster."
)
GOALS_NOTE = (
    "Seconds of training until the end of the first epoch that reaches it: median over seeds, range of those that "
    "reached it, and how many did not. A seed that missed counts as later than all others."
)


def section(slug: str, comparison: ConditionResults) -> Section:
    """Build the tables of speed, of its ratios, and of the time to a test accuracy."""
    hints = [hint(group) for group in comparison.groups]
    blocks: list[Block] = [
        Heading(3, "Speed", anchor(slug, "speed")),
        Table("speed", _speed_rows(comparison), hints),
        SPEED_NOTE,
        *unsteady_notes(comparison.groups),
        *_machines_notes(comparison),
    ]
    rows = [_pair_row(pair, comparison) for pair in comparison.speed_pairs]
    if rows:
        blocks += [Heading(3, "Which is faster", anchor(slug, "faster")), Table("speed-ratios", rows), PAIRS_NOTE]
    blocks += [
        Heading(3, "Time to a test accuracy", anchor(slug, "goals")),
        Table("time-to-accuracy", _goal_rows(comparison), hints),
        GOALS_NOTE,
    ]
    return Section(blocks)


def _pair_row(pair: SpeedPair, comparison: ConditionResults) -> dict[str, str]:
    ratio = pair.ratio
    return {
        "verdict": pair.words,
        **({"system": pair.location} if len(comparison.locations) > 1 else {}),
        "ratio": f"{ratio.median:.3g}",
        "interval": "" if math.isnan(ratio.low) else f"{ratio.low:.3g} to {ratio.high:.3g}",
        "rounds": str(ratio.rounds),
    }


def _speed_rows(comparison: ConditionResults) -> list[dict[str, Any]]:
    return [
        {
            **group_cells(group, comparison),
            "images/s": speed_cell(f"{group.images_per_s:,.0f}", group),
            "median": f"{group.timed.median_images_per_s:,.0f}" if group.timed else "",
            "rounds": str(len(group.timed.all_image_s)) if group.timed else "",
            "epoch, s": three_digits(group.epoch_s),
            "evaluation, s": three_digits(group.eval_spread.median),
            "trial, s": three_digits(group.trial_s),
            "parameters": f"{group.parameters:,}",
            "MFLOP/image": "" if flops is None else f"{flops / 1e6:,.3g}",
            "GFLOP/s": "" if flops is None else f"{group.images_per_s * flops / 1e9:,.3g}",
        }
        for group in comparison.groups
        for flops in [group.train_flops_per_image]
    ]


def _machines_notes(comparison: ConditionResults) -> list[str]:
    """State how far apart the machines of one system are, in a sentence; none where no model was timed on several."""
    ranges = []
    for group in comparison.groups:
        rates = sorted(group.timed.by_machine.values()) if group.timed else []
        if len(rates) > 1:
            ranges.append(f"{group.model} {rates[0]:,.0f} to {rates[-1]:,.0f} on {len(rates)} machines")
    return [f"Machines of this kind differ, in images/s: {'; '.join(ranges)}."] if ranges else []


def _goal_rows(comparison: ConditionResults) -> list[dict[str, str]]:
    goals = goals_of(comparison.condition.dataset).in_time
    return [
        {
            **group_cells(group, comparison),
            **{f"{100 * goal:g} %, s": time_cell(group.times_to(goal)) for goal in goals},
        }
        for group in comparison.groups
    ]
