"""Section of example images that each model got right and wrong, after the article's figure."""

from collections.abc import Mapping

import numpy as np

from bench.analysis.groups import ConditionResults
from bench.records.storage import Predictions
from bench.report.elements.blocks import Heading, Picture, anchor
from bench.report.elements.formatting import escape
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.labels import Labels, labels_of
from bench.report.elements.section import Section

MAX_MODELS_SHOWN = 6
COLUMNS = 12
LINE_HEIGHT = 0.17  # cells that a line of words above an image takes
TITLE_HEIGHT = 0.55  # cells that two of them take, with the room around them
IMAGE_HEIGHT = 1.05  # cells from the words down to the next row


def section(slug: str, comparison: ConditionResults, predictions_by_run: Mapping[str, Predictions]) -> Section:
    """Build a figure for each of the most accurate models, of its lowest seed; empty without predictions."""
    figures: dict[str, Picture] = {}
    labels = labels_of(comparison.condition.dataset)
    for group in comparison.groups:
        predictions = predictions_by_run.get(group.runs[0].stem)
        if predictions is not None and group.model not in figures and len(figures) < MAX_MODELS_SHOWN:
            figures[group.model] = Picture(
                f"{slug}-digits-{group.model}.svg",
                draw_right_and_wrong(predictions, labels),
                f"{labels.nouns} that {group.model} got right and wrong",
                f"**{escape(group.model)}**: the first twelve test images it got right and the first twelve it got "
                "wrong, lowest seed; above each the label, the answer where it differs, and the probability the model "
                "gave its answer.",
            )
    if not figures:
        return Section()
    heading = Heading(3, f"Right and wrong {labels.noun}s", anchor(slug, "digits"))
    models = {group.model for group in comparison.groups}
    left_out = len(models) > MAX_MODELS_SHOWN
    note = [f"Shown are the {MAX_MODELS_SHOWN} most accurate of {len(models)} models."] if left_out else []
    return Section([heading, *figures.values(), *note])


def draw_right_and_wrong(predictions: Predictions, labels: Labels) -> bytes:
    """Draw a row of images the model got right and a row it got wrong, with label, answer, confidence, as SVG."""
    is_right = predictions.correct[predictions.example_index]
    title_height = TITLE_HEIGHT + LINE_HEIGHT * labels.long
    grid = ImageGrid(COLUMNS, 2 * (title_height + IMAGE_HEIGHT))
    for row, (chosen, title) in enumerate(((is_right, "right"), (~is_right, "wrong"))):
        top = row * (title_height + IMAGE_HEIGHT) + title_height
        grid.draw_text(-0.2, top + 0.5, title, ha="right", va="center", fontsize=10)
        for column, example in enumerate(np.flatnonzero(chosen)[:COLUMNS]):
            grid.draw_image(column, top, predictions.example_images[example])
            grid.draw_text(column + 0.5, top, _title(predictions, int(example), labels), ha="center", va="bottom")
    return grid.to_svg()


def _title(predictions: Predictions, example: int, labels: Labels) -> str:
    index = predictions.example_index[example]
    label, answer = (labels.name(int(values[index])) for values in (predictions.labels, predictions.predicted))
    separator = "\n→ " if labels.long else " → "
    answer_text = label if label == answer else f"{label}{separator}{answer}"
    return f"{answer_text}\n{100 * predictions.example_confidence[example]:.0f} %"
