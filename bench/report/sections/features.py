"""How good each model's features are, and what of that was learnt; filters and what excites them as pictures."""

from collections.abc import Sequence

import numpy as np

from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import escape, mean_with_half_width
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.probe_results import Arrays, ProbeResult, difference, label, seeds_in_words, table_rows
from bench.report.elements.section import Section


def section(slug: str, found: Sequence[ProbeResult], arrays: Arrays) -> Section:
    """The section of one condition; empty where no run was asked."""
    found = [asked for asked in found if asked.numbers]
    if not found:
        return Section()
    blocks: list[Block] = [
        Heading(3, "Features", anchor(slug, "features")),
        Table("features", _rows(found)),
        _note(found),
    ]
    for asked in _once_per_model(found):
        its = arrays(asked.records[0])
        if {"filters", "strongest"} <= its.keys():
            blocks.append(
                Picture(
                    f"{slug}-filters-{asked.group.model}.svg",
                    draw_filters(its["filters"], its["strongest"]),
                    f"First-layer filters of {asked.group.model} and what excites them",
                    f"**{escape(asked.group.model)}**: above, the first twelve filters of its first layer (orange "
                    "adds, purple takes away, each on a scale of its own); below each, the four test images that "
                    "excite it most. Lowest seed.",
                )
            )
    return Section(blocks, table_rows(slug, found))


def _rows(found: Sequence[ProbeResult]) -> list[dict[str, str]]:
    rows = []
    for asked in found:
        if "trained" in asked.numbers:
            gained = difference(asked, "trained", "random")
            rows.append(
                {
                    "model": label(asked, found),
                    "features": asked.note("layer"),
                    "dimension": f"{asked.numbers['dimension'][0]:,.0f}",
                    "random, %": _percent(asked, "random"),
                    "trained, %": _percent(asked, "trained"),
                    "learnt gain, points": gained.words,
                    "interval over": gained.over,
                }
            )
        for name, title in (("pixels", "none, the pixels"), ("hog", "HOG, designed by hand")):
            if name in asked.numbers:
                dimension = f"{asked.numbers[f'{name}_dimension'][0]:,.0f}"
                location = label(asked, found).removeprefix(asked.group.model).removeprefix(", ")
                row = {"model": location or "–", "features": title, "dimension": dimension}
                rows.append(row | {"random, %": "", "trained, %": _percent(asked, name)})
    return rows


def _percent(asked: ProbeResult, name: str) -> str:
    return mean_with_half_width(100 * asked.numbers[name], 2)


def _note(found: Sequence[ProbeResult]) -> str:
    head = next(filter(None, (asked.note("head") for asked in found)), "")
    hog = next(filter(None, (asked.note("hog") for asked in found)), "")
    return (
        "Test accuracy of one and the same softmax head, trained on frozen features of the untrained (*random*: "
        "initial weights of the same seed) and of the trained model; *learnt gain* is their difference. The layer is "
        f"named by its place in the model. Head: {head}, on {found[0].train_images:,} images, features centred and "
        f"divided by one number{f'. HOG: {hog}' if hog else ''}. {seeds_in_words(found).capitalize()}; "
        f"the first {found[0].images:,} test images."
    )


def draw_filters(filters: np.ndarray, strongest: np.ndarray) -> bytes:
    """SVG: one column per filter ``(K, h, w)``, below it its images, uint8 ``(K, n, 28, 28)``."""
    sheet = ImageGrid(len(filters), 1 + strongest.shape[1])
    for column, (weights, images) in enumerate(zip(filters, strongest, strict=True)):
        limit = float(np.abs(weights).max()) or 1.0
        sheet.picture(column, 0, weights, cmap="PuOr_r", vmin=-limit, vmax=limit)
        for row, image in enumerate(images, 1):
            sheet.image(column, row, image)
    return sheet.to_svg()


def _once_per_model(found: Sequence[ProbeResult]) -> list[ProbeResult]:
    return list({asked.group.model: asked for asked in reversed(found)}.values())[::-1]
