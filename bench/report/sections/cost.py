"""Section on the cost of training: seconds, throughput, and the time to a given accuracy."""

from bench.analysis.groups import ConditionResults
from bench.data.registry import goals_of
from bench.report.elements.blocks import Block, Heading, Table, anchor
from bench.report.elements.formatting import three_digits, time_cell
from bench.report.elements.section import Section
from bench.report.sections.accuracy import group_cells, hint

SPEED_NOTE = (
    "Median and quartiles over all epochs after each trial's first; training alone, evaluation in its own column. "
    "The trial's time is everything: process start, data, warm-up, training, evaluation. "
    "GFLOP/s counts 2 per multiply-add, forward and backward."
)
GOALS_NOTE = (
    "Seconds of training until the end of the first epoch that reaches it: median over seeds, range of those that "
    "reached it, and how many did not. A seed that missed counts as later than all others."
)
FLAG_MEANINGS = {
    "dirty": "uncommitted changes in the code",
    "shared": "other programs took more than 5 % of the CPU time, or were on the GPU",
    "throttled": "the GPU slowed itself down",
    "noisy": "the quartiles of the epoch times are more than 10 % of the median apart",
    "not trustworthy": "they are more than 25 % apart",
}


def section(slug: str, comparison: ConditionResults) -> Section:
    """Build the tables of speed, with its flags, and of the time to a test accuracy."""
    hints = [hint(group) for group in comparison.groups]
    blocks: list[Block] = [
        Heading(3, "Speed", anchor(slug, "speed")),
        Table("speed", _speed_rows(comparison), hints),
        SPEED_NOTE,
        *_flags_note(comparison),
        Heading(3, "Time to a test accuracy", anchor(slug, "goals")),
        Table("time-to-accuracy", _goal_rows(comparison), hints),
        GOALS_NOTE,
    ]
    return Section(blocks)


def _speed_rows(comparison: ConditionResults) -> list[dict[str, str]]:
    return [
        {
            **group_cells(group, comparison),
            "epoch, s": three_digits(group.epoch_spread.median),
            "quartiles, s": f"{group.epoch_spread.low_quartile:.3g} to {group.epoch_spread.high_quartile:.3g}",
            "images/s": f"{group.images_per_s:,.0f}",
            "evaluation, s": three_digits(group.eval_spread.median),
            "trial, s": three_digits(group.trial_s),
            "parameters": f"{group.parameters:,}",
            "MFLOP/image": "" if flops is None else f"{flops / 1e6:,.3g}",
            "GFLOP/s": "" if flops is None else f"{group.images_per_s * flops / 1e9:,.3g}",
        }
        for group in comparison.groups
        for flops in [group.train_flops_per_image]
    ]


def _goal_rows(comparison: ConditionResults) -> list[dict[str, str]]:
    goals = goals_of(comparison.condition.dataset).in_time
    return [
        {
            **group_cells(group, comparison),
            **{f"{100 * goal:g} %, s": time_cell(group.times_to(goal)) for goal in goals},
        }
        for group in comparison.groups
    ]


def _flags_note(comparison: ConditionResults) -> list[str]:
    flags = {flag for group in comparison.groups for flag in group.flags}
    return (
        ["Flags: " + "; ".join(f"*{flag}*: {FLAG_MEANINGS[flag]}" for flag in FLAG_MEANINGS if flag in flags) + "."]
        if flags
        else []
    )
