"""The article's figure of right and wrong digits."""

from collections.abc import Mapping

import numpy as np

from bench.groups import Comparison
from bench.report.blocks import Heading, Picture, anchor
from bench.report.cells import escape
from bench.report.section import Section
from bench.report.sheet import Sheet
from bench.storage import Predictions

SHOWN = 6  # models at most
COLUMNS = 12
TITLED = 1.6  # cells from one row of digits to the next where two lines of words stand above each
TITLE = 0.55  # cells those words take


def section(slug: str, comparison: Comparison, stored: Mapping[str, Predictions]) -> Section:
    """A figure for each of the most accurate models, of its lowest seed; empty where no predictions are there."""
    figures: dict[str, Picture] = {}
    for group in comparison.groups:
        predictions = stored.get(group.runs[0].stem)
        if predictions is not None and group.model not in figures and len(figures) < SHOWN:
            figures[group.model] = Picture(
                f"{slug}-digits-{group.model}.svg",
                right_and_wrong(predictions),
                f"Digits that {group.model} got right and wrong",
                f"**{escape(group.model)}**: the first twelve test images it got right and the first twelve it got "
                "wrong, lowest seed; above each the label, the answer where it differs, and the probability the model "
                "gave its answer.",
            )
    if not figures:
        return Section()
    return Section([Heading(3, "Right and wrong digits", anchor(slug, "digits")), *figures.values()])


def right_and_wrong(predictions: Predictions) -> bytes:
    """SVG: one row of digits the model got right, one of digits it got wrong, each with label, answer, confidence."""
    is_right = predictions.correct[predictions.example_index]
    sheet = Sheet(COLUMNS, 2 * TITLED)
    for row, (chosen, title) in enumerate(((is_right, "right"), (~is_right, "wrong"))):
        top = row * TITLED + TITLE
        sheet.words(-0.2, top + 0.5, title, ha="right", va="center", fontsize=10)
        for column, example in enumerate(np.flatnonzero(chosen)[:COLUMNS]):
            sheet.digit(column, top, predictions.example_images[example])
            sheet.words(column + 0.5, top, _title(predictions, int(example)), ha="center", va="bottom")
    return sheet.to_svg()


def _title(predictions: Predictions, example: int) -> str:
    place = predictions.example_index[example]
    label, answer = predictions.labels[place], predictions.predicted[place]
    answer_text = f"{label}" if label == answer else f"{label} → {answer}"
    return f"{answer_text}\n{100 * predictions.example_confidence[example]:.0f} %"
