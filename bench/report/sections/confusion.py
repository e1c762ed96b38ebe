"""Which labels are mistaken for which, and which images only one of two models gets right."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.analysis.groups import ConditionResults, Group
from bench.data.numpy_loader import packed_array
from bench.records.storage import Predictions
from bench.report.elements.blocks import Block, Heading, Picture, anchor
from bench.report.elements.formatting import escape, of_many
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.labels import Labels, labels_of
from bench.report.elements.probe_results import name_of
from bench.report.elements.section import Section
from bench.report.elements.style import INK, to_svg
from bench.report.sections.examples import COLUMNS, IMAGE, TITLE

PANELS = 9  # groups whose confusions are drawn, at most
MODELS = ("mlp", "cnn")
"""The two models whose mistakes are compared image by image: those of the article's table."""
SHOWN = "The first twelve of each; above them the label and the other model's answer."


def section(slug: str, comparison: ConditionResults, stored: Mapping[str, Predictions]) -> Section:
    """The section of one condition; empty where no predictions are there."""
    blocks: list[Block] = []
    panels = {name_of(group, comparison.groups): confusion(group, stored) for group in comparison.groups[:PANELS]}
    panels = {name: counts for name, counts in panels.items() if counts.any()}
    labels = labels_of(comparison.condition.dataset)
    alone = _alone(comparison, stored, labels)
    if alone:
        words, drawn = alone
        alt = f"{labels.nouns} that only {MODELS[1]} or only {MODELS[0]} got right"
        heading = Heading(3, f"{labels.nouns} only one of the two gets right", anchor(slug, "alone"))
        blocks += [heading, Picture(f"{slug}-right-in-one-alone.svg", drawn, alt, words) if drawn else words]
    if panels:
        blocks += [
            Heading(3, "What is mistaken for what", anchor(slug, "confusion")),
            Picture(
                f"{slug}-confusion.svg",
                draw_confusion(panels, labels),
                "Wrong answers by label and answer, for each model",
                "Test images of each label (row) that were given each wrong answer (column), mean over seeds; the "
                "right answers on the diagonal are left out, shades are by model."
                + of_many(PANELS, len(comparison.groups)),
            ),
        ]
    return Section(blocks)


def confusion(group: Group, stored: Mapping[str, Predictions]) -> np.ndarray:
    """Mean over the seeds of how many images of label i were answered j: float ``(K, K)``, zero where unknown.

    K is the number of the dataset's classes, or more where a record from elsewhere has labels beyond them.
    """
    runs = [stored[run.stem] for run in group.runs if run.stem in stored]
    known = len(labels_of(group.runs[0].trial.dataset).names)
    highest = max((int(max(it.labels.max(), it.predicted.max())) for it in runs), default=0)
    counts = np.zeros((max(known, highest + 1),) * 2)
    for predictions in runs:
        np.add.at(counts, (predictions.labels, predictions.predicted), 1 / len(runs))
    return counts


def draw_confusion(panels: Mapping[str, np.ndarray], labels: Labels) -> bytes:
    """SVG: one panel of wrong answers per model."""
    wide = 0.7 * labels.long  # inches for names that are words
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=((3.3 + wide) * columns, (3.5 + wide) * rows), layout="constrained")
    for axes, (name, counts) in zip(figure.subplots(rows, columns, squeeze=False).flat, panels.items(), strict=False):
        wrong = counts * (1 - np.eye(len(counts)))
        shades = np.zeros((*wrong.shape, 4))
        shades[..., :3] = (0.84, 0.37, 0.0)  # see-through where nothing is wrong, on light and dark pages alike
        shades[..., 3] = wrong / max(wrong.max(), 1)
        axes.imshow(shades, interpolation="none")
        for label, answer in np.argwhere(wrong >= 0.5):
            strong = shades[label, answer, 3] > 0.6
            axes.text(
                answer, label, f"{wrong[label, answer]:.0f}",
                ha="center", va="center", fontsize=7, color="white" if strong else INK,
            )  # fmt: skip
        axes.set_title(f"{name}\n{wrong.sum():.0f} wrong", fontsize=9)
        axes.set_xticks(range(len(counts)))
        axes.set_yticks(range(len(counts)))
        if labels.long:
            names = [labels.name(label) for label in range(len(counts))]
            axes.set_xticklabels(names, rotation=90)
            axes.set_yticklabels(names)
        axes.tick_params(labelsize=8, length=0)
        axes.grid(visible=False)
        axes.set_xlabel("answer")
        axes.set_ylabel("label")
    for axes in list(figure.axes)[len(panels) :]:
        axes.set_axis_off()
    return to_svg(figure)


def _alone(
    comparison: ConditionResults, stored: Mapping[str, Predictions], labels: Labels
) -> tuple[str, bytes | None] | None:
    """Words and picture for the lowest seed that both models were trained with at one place.

    None without such a seed, or where the records are about other images; no picture where this machine has no images.
    """
    images = packed_array(comparison.condition.dataset)
    for location in comparison.locations:
        by_model = {group.model: group for group in comparison.at(location)}
        if not all(model in by_model for model in MODELS):
            continue
        by_seed = [
            {run.trial.seed: stored[run.stem] for run in by_model[model].runs if run.stem in stored} for model in MODELS
        ]
        seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
        if not seeds:
            continue
        pair = (by_seed[0][seeds[0]], by_seed[1][seeds[0]])
        if images is None:
            return f"{_alone_words(pair, seeds[0])} {_no_images(comparison.condition.dataset)}", None
        if len(images) == len(pair[0].labels):
            return f"{_alone_words(pair, seeds[0])} {SHOWN}", draw_alone(pair, images, labels)
    return None


def _alone_words(pair: Sequence[Predictions], seed: int) -> str:
    counts = [int((mine.correct & ~other.correct).sum()) for mine, other in (pair, pair[::-1])]
    return (
        f"Of the {len(pair[0].labels):,} test images {MODELS[1]} alone gets {counts[1]} right and {MODELS[0]} alone "
        f"{counts[0]} (seed {seed})."
    )


def _no_images(dataset: str) -> str:
    return f"Their pictures are left out: the test images of {escape(dataset)} are not in the data folder."


def draw_alone(pair: Sequence[Predictions], images: np.ndarray, labels: Labels) -> bytes:
    """SVG: a row of images only the second model of ``pair`` got right, a row of those only the first did."""
    sheet = ImageGrid(COLUMNS, 2 * (TITLE + IMAGE))
    between = "\n" if labels.long else " "
    for row, (mine, other) in enumerate(((1, 0), (0, 1))):
        top = row * (TITLE + IMAGE) + TITLE
        sheet.words(-0.2, top + 0.5, f"only {MODELS[mine]}", ha="right", va="center", fontsize=10)
        for column, index in enumerate(np.flatnonzero(pair[mine].correct & ~pair[other].correct)[:COLUMNS]):
            label, answer = (labels.name(int(each[index])) for each in (pair[other].labels, pair[other].predicted))
            said = f"{label},{between}not {answer}"
            sheet.image(column, top, images[index])
            sheet.words(column + 0.5, top, said, ha="center", va="bottom")
    return sheet.to_svg()
