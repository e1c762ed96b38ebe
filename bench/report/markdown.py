"""The pages in Markdown: ``results/README.md``, and the block in the project's own README."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.groups import Comparison, Condition, Group, place_of
from bench.metrics import METRICS
from bench.noise import Floors, floors_of
from bench.records import Run
from bench.report.cells import (
    escape,
    interval_in_points,
    model_label,
    p_value,
    percent_with_interval,
    points,
    reached,
    seconds,
    to_markdown,
)
from bench.report.conditions import commit_words, conditions
from bench.report.section import Section, anchor
from bench.report.sections import Sections
from bench.report.tables import GOALS
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
    pairs: Mapping[Condition, Sequence[Pair]],
    sections: Mapping[Condition, Sections],
    pictures: Sequence[Pictures],
    apart: Sequence[Section],
    floors: Floors,
    failed: Sequence[Run],
) -> str:
    """All of ``results/README.md``; ``apart`` are the sections that belong to no condition."""
    parts = [
        "# Results",
        "Written from the records in `runs/` by `python -m bench report`; every table is in `tables/` as CSV.",
    ]
    if not comparisons:
        parts.append("No finished run yet: `make bench` trains the models and fills this page.")
    for comparison, drawn in zip(comparisons, pictures, strict=True):
        parts += _section(comparison, pairs[comparison.condition], sections[comparison.condition], drawn)
    parts += [block for section in apart for block in section.blocks]
    if floors:
        parts += ["## Noise floor", noise_floor(floors), NOISE_NOTE]
    if failed:
        parts += ["## Runs that did not finish", _failures(failed)]
    return "\n\n".join(parts) + "\n"


NOISE_NOTE = (
    "The largest difference between any two repeats of the same trial by the same code, each in a process of its own "
    "(`make noise`). A difference below it says nothing, and `python -m bench compare` refuses a tighter gate."
)


def noise_floor(floors: Floors) -> str:
    """How far apart repeats of the same trial came, as a Markdown table."""
    subjects = sorted({subject for subject, _ in floors})
    return to_markdown(
        [
            {
                "model": subject.model,
                "machine": subject.place,
                "repeats": max(floor.repeats for floor in floors_of(subject, floors).values()),
                **{name: METRICS[name].amount(floor.change) for name, floor in floors_of(subject, floors).items()},
            }
            for subject in subjects
        ]
    )


def readme_block(
    comparisons: Sequence[Comparison],
    pairs: Mapping[Condition, Sequence[Pair]],
    sections: Mapping[Condition, Sections],
    pictures: Sequence[Pictures],
    folder: str,
) -> str:
    """What the project's README shows of the first comparison: tables, claims, picture; markers included."""
    if not comparisons:
        return f"{BLOCK_BEGIN}\nNo finished run yet.\n{BLOCK_END}"
    comparison, drawn = comparisons[0], pictures[0]
    picture = f"![Test error against training time]({folder}/plots/{drawn.accuracy_against_time})"
    title, table = f"**{comparison.condition.title}**", headline_table(comparison)
    words = _words(comparison, pairs[comparison.condition])
    claims = [
        block.replace("](#", f"]({folder}/README.md#") for block in sections[comparison.condition]["claims"].blocks
    ]
    parts = [BLOCK_BEGIN, title, table, *words, _sources(comparison), *claims, picture, BLOCK_END]
    return "\n\n".join(part for part in parts if part)


def _words(comparison: Comparison, pairs: Sequence[Pair]) -> list[str]:
    """All verdicts of a place as one sentence, which names the place where there are several."""
    sentences = []
    for place in comparison.places:
        words = "; ".join(escape(pair.words) for pair in pairs if pair.place == place)
        if words:
            sentences.append(f"{f'On {place}: ' if len(comparison.places) > 1 else ''}{words}.")
    return sentences


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


def _section(comparison: Comparison, pairs: Sequence[Pair], sections: Sections, drawn: Pictures) -> list[str]:
    several = any(len(group.accuracies) > 1 for group in comparison.groups)
    return [
        f"## {comparison.condition.title}",
        *sections["claims"].blocks,
        anchor(comparison.condition.slug, "accuracy"),
        "### Accuracy",
        _accuracy(comparison, pairs),
        _accuracy_note(several),
        *_verdicts(comparison, pairs),
        *(block for name in ("distortion", "structure", "features", "samples") for block in sections[name].blocks),
        "### Speed",
        _speed(comparison),
        "Median and quartiles over all epochs after each trial's first; training alone, evaluation in its own column. "
        "The trial's time is everything: process start, data, warm-up, training, evaluation. "
        "GFLOP/s counts 2 per multiply-add, forward and backward.",
        *_flags_note(comparison),
        "### Time to a test accuracy",
        _time_to_accuracy(comparison),
        "Seconds of training until the end of the first epoch that reaches it: median over seeds, range of those that "
        "reached it, and how many did not. A seed that missed counts as later than all others.",
        "### Learning curves",
        f"![Test error by epoch](plots/{drawn.learning_curves})",
        "A thin line is one seed, the thick one their mean.",
        "### Accuracy against training time",
        f"![Test error against seconds of training](plots/{drawn.accuracy_against_time})",
        *_digits(drawn),
        *sections["mistakes"].blocks,
        *sections["calibration"].blocks,
        "### Conditions",
        conditions(comparison),
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
            "p": p_value(pair.verdict.adjusted_p),
            "detectable": points(pair.detectable),
            "bootstrap": interval_in_points(pair.bootstrap),
            "right in one alone, seed by seed": ", ".join(
                f"{each.only_first}:{each.only_second}" for each in pair.only_one_right
            ),
        }
        for pair in pairs
    ]
    return [
        "### Which differences are real",
        to_markdown(rows),
        "Brackets are the 95 % interval of the difference over seeds and test images. The verdict is a t test on the "
        "paired differences with both sources of error, p adjusted for all pairs of the table (Holm); models that "
        "cannot be told apart share a rank. *Detectable* is the true difference that a comparison in this table finds "
        "four times in five. For description only: *bootstrap* is the 95 % interval when seeds and test images are "
        "drawn anew 10,000 times (over few seeds it tends to be too narrow); the last column counts the images that "
        "only the first and only the second model got right.",
    ]


def _time_to_accuracy(comparison: Comparison) -> str:
    return to_markdown(
        [
            {**_name(group, comparison), **{f"{100 * goal:g} %": reached(group.times_to(goal)) for goal in GOALS}}
            for group in comparison.groups
        ]
    )


def _speed(comparison: Comparison) -> str:
    return to_markdown(
        [
            {
                **_name(group, comparison),
                "epoch": seconds(group.epoch_spread.median),
                "quartiles": f"{group.epoch_spread.low_quartile:.3g} to {group.epoch_spread.high_quartile:.3g} s",
                "images/s": f"{group.images_per_s:,.0f}",
                "evaluation": seconds(group.eval_spread.median),
                "trial": seconds(group.trial_s),
                "parameters": f"{group.parameters:,}",
                "MFLOP/image": f"{group.train_flops_per_image / 1e6:,.3g}",
                "GFLOP/s": f"{group.images_per_s * group.train_flops_per_image / 1e9:,.3g}",
            }
            for group in comparison.groups
        ]
    )


FLAGS = {
    "dirty": "uncommitted changes in the code",
    "shared": "other programs took more than 5 % of the CPU time, or were on the GPU",
    "throttled": "the GPU slowed itself down",
    "noisy": "the quartiles of the epoch times are more than 10 % of the median apart",
    "not trustworthy": "they are more than 25 % apart",
}


def _flags_note(comparison: Comparison) -> list[str]:
    found = {flag for group in comparison.groups for flag in group.flags}
    return ["Flags: " + "; ".join(f"*{flag}*: {FLAGS[flag]}" for flag in FLAGS if flag in found) + "."] if found else []


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


def _sources(comparison: Comparison) -> str:
    commits = ", ".join(sorted({commit_words(run.git) for run in comparison.runs}))
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
        return {"model": model_label(group)}
    return {"model": model_label(group), "machine": group.place}
