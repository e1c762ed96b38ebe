"""Section on the hardest images: those that most runs of all models get wrong, and the errors that models share."""

from collections.abc import Mapping, Sequence

import numpy as np

from bench.analysis.groups import ConditionResults, Group
from bench.analysis.hardness import Hardness, measure_hardness, shared_errors
from bench.data.numpy_loader import packed_array
from bench.records.storage import Predictions
from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import escape
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.labels import Labels, labels_of
from bench.report.elements.section import Section
from bench.report.sections.confusion import COMPARED_MODELS
from bench.report.sections.examples import COLUMNS, IMAGE_HEIGHT, TITLE_HEIGHT

ROWS = 2
MAX_MODELS = 6
"""Models whose shared errors are in the table, at most: the most accurate."""

BySeed = Mapping[int, Predictions]


def section(slug: str, comparison: ConditionResults, predictions: Mapping[str, Predictions]) -> Section:
    """Build the section from the predictions of at least two models on one system; empty without."""
    for location in comparison.locations:
        by_model = collect_answers(comparison.at(location), predictions)
        if len(by_model) > 1:
            return _section(slug, comparison.condition.dataset, by_model)
    return Section()


def collect_answers(groups: Sequence[Group], predictions: Mapping[str, Predictions]) -> dict[str, BySeed]:
    """Collect the predictions of each model by seed; those on other images than the first's are left out."""
    by_model: dict[str, dict[int, Predictions]] = {}
    labels: np.ndarray | None = None
    for group in groups:
        for run in group.runs:
            stored = predictions.get(run.stem)
            if stored is not None and (labels is None or np.array_equal(stored.labels, labels)):
                labels = stored.labels
                by_model.setdefault(group.model, {})[run.trial.seed] = stored
    return dict(by_model)


def _section(slug: str, dataset: str, by_model: Mapping[str, BySeed]) -> Section:
    first = next(iter(next(iter(by_model.values())).values())).labels
    answers = [np.stack([stored.predicted for stored in by_seed.values()]) for by_seed in by_model.values()]
    hardness = measure_hardness(first, answers)
    labels = labels_of(dataset)
    blocks: list[Block] = [
        Heading(3, f"The hardest {labels.noun}s", anchor(slug, "hardest")),
        _finding(hardness, by_model),
    ]
    images = packed_array(dataset)
    chosen = hardness.hardest(ROWS * COLUMNS)
    if images is not None and len(images) == len(first) and len(chosen):
        blocks.append(
            Picture(
                f"{slug}-hardest.svg",
                draw_hardest(chosen, hardness, first, images, labels),
                f"The {labels.noun}s that the fewest runs get right",
                f"The {labels.noun}s with the fewest right answers, hardest first, every model counting alike. Above "
                f"each the label, the wrong answer given most often, and by how many of the {hardness.runs} runs.",
            )
        )
    rows = agreement_rows(by_model)
    blocks += [Table("agreement", rows), AGREEMENT_NOTE]
    return Section(blocks, rows=_csv_rows(slug, hardness, first))


AGREEMENT_NOTE = (
    "Of the errors of the model in the row, the share that the model in the column makes too, over all seeds that both "
    "were trained with. Two models that err by chance, each on its own, would share about as much as the second errs."
)


def agreement_rows(by_model: Mapping[str, BySeed]) -> list[dict[str, str]]:
    """Build a row for each of the most accurate models: the share of its errors that each other makes too."""
    shown = list(by_model)[:MAX_MODELS]
    return [
        {"of the errors of": escape(model)}
        | {f"{other} makes too, %": _percent(model, other, by_model) for other in shown}
        for model in shown
    ]


def _percent(model: str, other: str, by_model: Mapping[str, BySeed]) -> str:
    seeds = sorted(by_model[model].keys() & by_model[other].keys())
    if model == other or not seeds:
        return ""
    wrong, others_wrong = (np.stack([~by_model[name][seed].correct for seed in seeds]) for name in (model, other))
    share = shared_errors(wrong, others_wrong)
    return "" if share is None else f"{100 * share:.0f}"


def _finding(hardness: Hardness, by_model: Mapping[str, BySeed]) -> str:
    never, total = len(hardness.never_right), len(hardness.right)
    always = int((hardness.right == 1).sum())
    which = ", ".join(f"{len(by_seed)} of {escape(model)}" for model, by_seed in by_model.items())
    sentence = (
        f"Of the {total:,} test images {never:,} are wrong in all {hardness.runs} runs ({which}) and {always:,} right "
        "in all of them."
    )
    first, second = COMPARED_MODELS
    shared = _percent(second, first, by_model) if {first, second} <= by_model.keys() else ""
    return f"{sentence} Of {second}'s errors {first} makes {shared} % too." if shared else sentence


def draw_hardest(
    chosen: Sequence[int] | np.ndarray, hardness: Hardness, labels: np.ndarray, images: np.ndarray, names: Labels
) -> bytes:
    """Draw images with label, most frequent wrong answer, and how many runs gave it, as SVG."""
    height = TITLE_HEIGHT + IMAGE_HEIGHT
    grid = ImageGrid(COLUMNS, height * -(-len(chosen) // COLUMNS))
    separator = "\n→ " if names.long else " → "
    for place, index in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        top = row * height + TITLE_HEIGHT
        label, answer = names.name(int(labels[index])), names.name(int(hardness.wrong_answer[index]))
        grid.draw_image(column, top, images[index])
        text = f"{label}{separator}{answer}\n{hardness.wrong_count[index]} of {hardness.runs}"
        grid.draw_text(column + 0.5, top, text, ha="center", va="bottom")
    return grid.to_svg()


def _csv_rows(slug: str, hardness: Hardness, labels: np.ndarray) -> list[dict[str, object]]:
    """Build a row for each image that a run gets wrong, hardest first."""
    return [
        {
            "condition": slug,
            "image": int(index),
            "label": int(labels[index]),
            "right_share": float(hardness.right[index]),
            "wrong_answer": int(hardness.wrong_answer[index]),
            "runs_giving_it": int(hardness.wrong_count[index]),
            "runs": hardness.runs,
        }
        for index in hardness.hardest(len(labels))
    ]
