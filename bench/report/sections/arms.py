"""Section on the arms: each model by a recipe of its own, beside the recipe that serves all."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.analysis.arms import COMMON, Gain, common_results, measure_gains, training_s
from bench.analysis.condition import Condition
from bench.analysis.groups import ConditionResults, Group
from bench.analysis.pairwise import Pair, Stored, select_pairs
from bench.report.elements.blocks import Block, Heading, Table
from bench.report.elements.formatting import accuracy_cell, escape, seconds
from bench.report.elements.section import Section

NOTE = (
    "What differs in an arm is what each model can reach, or how soon; by the common recipe, the architecture alone. "
    "A gain is a model's accuracy by its own recipe less that by the common one, paired by seed, with a 95 % interval "
    "over seeds and test images and Holm's correction over the models. Recipes were chosen on training images held out."
)

Arms = Sequence[tuple[ConditionResults, Sequence[Gain]]]
"""Results of each arm, with the gains of its models where they were trained by the common recipe too."""


def collect_arms(comparisons: Sequence[ConditionResults], stored: Stored) -> Arms:
    """Collect the arms among the results of a system.

    Args:
        stored: predictions of their runs, and of those by the common recipe.
    """
    arms = [comparison for comparison in comparisons if comparison.condition.arm]
    with_common = [(arm, common_results(comparisons, arm)) for arm in arms]
    return [(arm, measure_gains(common, arm, stored) if common else []) for arm, common in with_common]


def section(arms: Arms, pairs: Mapping[Condition, Sequence[Pair]]) -> Section:
    """Build the section; empty where there are no arms.

    Args:
        pairs: verdicts on the models within each arm.
    """
    if not arms:
        return Section()
    blocks: list[Block] = [Heading(2, "Each model by its own recipe", "arms")]
    for arm, gains in arms:
        name = arm.condition.arm or ""
        by_model = {(gain.own.model, gain.own.location): gain for gain in gains}
        verdicts = [pair.words for pair in select_pairs(pairs[arm.condition], arm)]
        blocks += [
            Heading(3, f"{arm.condition.title}", f"arm-{arm.condition.slug}"),
            escape(_finding(name, arm, gains, verdicts)),
            Table(
                f"arm-{arm.condition.slug}",
                [_row(group, by_model.get((group.model, group.location))) for group in arm.groups],
            ),
        ]
    return Section([*blocks, NOTE])


def table(arms: Arms) -> pd.DataFrame:
    """Build one row per arm and model, in plain numbers."""
    rows = []
    for arm, gains in arms:
        by_model = {(gain.own.model, gain.own.location): gain for gain in gains}
        for group in arm.groups:
            gain = by_model.get((group.model, group.location))
            rows.append(
                {
                    "condition": arm.condition.title,
                    "model": group.model,
                    "system": group.location,
                    "seeds": len(group.seeds),
                    "accuracy": group.mean_accuracy,
                    "accuracy_low": group.accuracy_interval.low,
                    "accuracy_high": group.accuracy_interval.high,
                    "gain": gain.verdict.test.difference if gain else None,
                    "gain_low": gain.verdict.test.interval.low if gain else None,
                    "gain_high": gain.verdict.test.interval.high if gain else None,
                    "gain_verdict": gain.verdict.kind if gain else None,
                    "paired_seeds": gain.seeds if gain else 0,
                    "training_s": training_s(group),
                    "common_training_s": training_s(gain.common) if gain else None,
                    "recipe": _recipe_words(group),
                }
            )
    return pd.DataFrame(rows)


def _finding(name: str, arm: ConditionResults, gains: Sequence[Gain], verdicts: Sequence[str]) -> str:
    accuracies = ", ".join(f"{group.name} {100 * group.mean_accuracy:.2f} %" for group in arm.groups)
    parts = [f"By the recipes {name}, each model's own: {accuracies}."]
    if verdicts:
        parts.append(f"{'; '.join(verdicts)}.")
    if gains:
        parts.append(f"Against the recipe {COMMON}: {'; '.join(gain.words for gain in gains)}.")
    return " ".join(parts)


def _row(group: Group, gain: Gain | None) -> dict[str, Any]:
    test = gain.verdict.test if gain else None
    interval = f"{100 * test.interval.low:.2f}, {100 * test.interval.high:.2f}" if test and test.p_value < 1 else ""
    return {
        "model": group.name,
        "seeds": len(group.seeds),
        "test accuracy, %": accuracy_cell(group),
        f"by {COMMON}, %": accuracy_cell(gain.common) if gain else "",
        "gain, points": f"{100 * test.difference:+.2f} [{interval}]" if test and interval else "",
        "training": seconds(training_s(group)),
        f"by {COMMON}": seconds(training_s(gain.common)) if gain else "",
        "recipe": _recipe_words(group),
    }


def _recipe_words(group: Group) -> str:
    trial = group.runs[-1].trial
    words = f"{trial.optimizer} {trial.learning_rate:g}, batch {trial.batch_size}, {trial.epochs:g} epochs"
    return f"{words}, {trial.details}" if trial.details else words
