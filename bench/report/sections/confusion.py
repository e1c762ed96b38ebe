"""Section on mistakes: confusion matrices, and the images only one of two models gets right."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.analysis.groups import ConditionResults, Group
from bench.data.numpy_loader import packed_array
from bench.records.storage import Predictions
from bench.report.elements.blocks import Block, Heading, Picture, anchor
from bench.report.elements.formatting import escape, truncation_note
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.labels import Labels, labels_of
from bench.report.elements.probe_results import group_label
from bench.report.elements.section import Section
from bench.report.elements.style import INK, to_svg
from bench.report.sections.examples import COLUMNS, IMAGE_HEIGHT, TITLE_HEIGHT

MAX_PANELS = 9  # groups whose confusions are drawn, at most
COMPARED_MODELS = ("mlp", "cnn")
"""The two models compared image by image: those of the article's table."""
EXAMPLES_NOTE = "The first twelve of each; above them the label and the other model's answer."


def section(slug: str, comparison: ConditionResults, predictions: Mapping[str, Predictions]) -> Section:
    """Build the section on mistakes; empty where there are no predictions."""
    blocks: list[Block] = []
    panels = {
        group_label(group, comparison.groups): confusion(group, predictions) for group in comparison.groups[:MAX_PANELS]
    }
    panels = {name: counts for name, counts in panels.items() if counts.any()}
    labels = labels_of(comparison.condition.dataset)
    only_one_right = _compare_two(comparison, predictions, labels)
    if only_one_right:
        caption, svg = only_one_right
        alt = f"{labels.nouns} that only {COMPARED_MODELS[1]} or only {COMPARED_MODELS[0]} got right"
        heading = Heading(3, f"{labels.nouns} only one of the two gets right", anchor(slug, "alone"))
        blocks += [heading, Picture(f"{slug}-right-in-one-alone.svg", svg, alt, caption) if svg else caption]
    if panels:
        blocks += [
            Heading(3, "What is mistaken for what", anchor(slug, "confusion")),
            Picture(
                f"{slug}-confusion.svg",
                draw_confusion(panels, labels),
                "Wrong answers by label and answer, for each model",
                "Test images of each label (row) that were given each wrong answer (column), mean over seeds; the "
                "right answers on the diagonal are left out, shades are by model."
                + truncation_note(MAX_PANELS, len(comparison.groups)),
            ),
        ]
    return Section(blocks)


def confusion(group: Group, predictions: Mapping[str, Predictions]) -> np.ndarray:
    """Compute the mean confusion matrix over seeds, label by answer: float ``(K, K)``, zero without predictions.

    K is the number of the dataset's classes, or more where a record from elsewhere has labels beyond them.
    """
    by_seed = [predictions[run.stem] for run in group.runs if run.stem in predictions]
    class_count = len(labels_of(group.runs[0].trial.dataset).names)
    highest = max(
        (int(max(answers.labels.max(), answers.predicted.max())) for answers in by_seed),
        default=0,
    )
    counts = np.zeros((max(class_count, highest + 1),) * 2)
    for answers in by_seed:
        np.add.at(counts, (answers.labels, answers.predicted), 1 / len(by_seed))
    return counts


def draw_confusion(panels: Mapping[str, np.ndarray], labels: Labels) -> bytes:
    """Draw one panel of wrong answers per model, as SVG."""
    extra_width = 0.7 * labels.long  # inches for names that are words
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=((3.3 + extra_width) * columns, (3.5 + extra_width) * rows), layout="constrained")
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


def _compare_two(
    comparison: ConditionResults, predictions: Mapping[str, Predictions], labels: Labels
) -> tuple[str, bytes | None] | None:
    """Build caption and picture for the lowest seed that both models were trained with at one location.

    None without such a seed, or where the records are about other images; no picture where this machine has no images.
    """
    images = packed_array(comparison.condition.dataset)
    for location in comparison.locations:
        by_model = {group.model: group for group in comparison.at(location)}
        if not all(model in by_model for model in COMPARED_MODELS):
            continue
        by_seed = [
            {run.trial.seed: predictions[run.stem] for run in by_model[model].runs if run.stem in predictions}
            for model in COMPARED_MODELS
        ]
        seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
        if not seeds:
            continue
        pair = (by_seed[0][seeds[0]], by_seed[1][seeds[0]])
        if images is None:
            return f"{_counts_sentence(pair, seeds[0])} {_no_images_sentence(comparison.condition.dataset)}", None
        if len(images) == len(pair[0].labels):
            return f"{_counts_sentence(pair, seeds[0])} {EXAMPLES_NOTE}", draw_only_one_right(pair, images, labels)
    return None


def _counts_sentence(pair: Sequence[Predictions], seed: int) -> str:
    counts = [int((one.correct & ~other.correct).sum()) for one, other in (pair, pair[::-1])]
    first, second = COMPARED_MODELS
    return (
        f"Of the {len(pair[0].labels):,} test images {second} alone gets {counts[1]} right and {first} alone "
        f"{counts[0]} (seed {seed})."
    )


def _no_images_sentence(dataset: str) -> str:
    return f"Their pictures are left out: the test images of {escape(dataset)} are not in the data folder."


def draw_only_one_right(pair: Sequence[Predictions], images: np.ndarray, labels: Labels) -> bytes:
    """Draw a row of images only the second model of ``pair`` got right, and one for the first, as SVG."""
    grid = ImageGrid(COLUMNS, 2 * (TITLE_HEIGHT + IMAGE_HEIGHT))
    separator = "\n" if labels.long else " "
    for row, (right, wrong) in enumerate(((1, 0), (0, 1))):
        top = row * (TITLE_HEIGHT + IMAGE_HEIGHT) + TITLE_HEIGHT
        grid.draw_text(-0.2, top + 0.5, f"only {COMPARED_MODELS[right]}", ha="right", va="center", fontsize=10)
        for column, index in enumerate(np.flatnonzero(pair[right].correct & ~pair[wrong].correct)[:COLUMNS]):
            label, answer = (labels.name(int(values[index])) for values in (pair[wrong].labels, pair[wrong].predicted))
            title = f"{label},{separator}not {answer}"
            grid.draw_image(column, top, images[index])
            grid.draw_text(column + 0.5, top, title, ha="center", va="bottom")
    return grid.to_svg()
