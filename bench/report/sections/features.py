"""Section on features: their accuracy before and after training, and pictures of the first layer's filters."""

from collections.abc import Sequence

import numpy as np

from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import escape, mean_with_half_width
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.probe_results import Arrays, ProbeResult, difference, label, seed_count_text, table_rows
from bench.report.elements.section import Section


def section(slug: str, results: Sequence[ProbeResult], arrays: Arrays) -> Section:
    """Build the section on features; empty where no run was probed."""
    results = [result for result in results if result.numbers]
    if not results:
        return Section()
    blocks: list[Block] = [
        Heading(3, "Features", anchor(slug, "features")),
        Table("features", _rows(results)),
        _note(results),
    ]
    for result in _once_per_model(results):
        probe_arrays = arrays(result.records[0])
        if {"filters", "strongest"} <= probe_arrays.keys():
            blocks.append(
                Picture(
                    f"{slug}-filters-{result.group.model}.svg",
                    draw_filters(probe_arrays["filters"], probe_arrays["strongest"]),
                    f"First-layer filters of {result.group.model} and what excites them",
                    f"**{escape(result.group.model)}**: above, the first twelve filters of its first layer (orange "
                    "adds, purple takes away, each on a scale of its own); below each, the four test images that "
                    "excite it most. Lowest seed.",
                )
            )
    return Section(blocks, table_rows(slug, results))


def _rows(results: Sequence[ProbeResult]) -> list[dict[str, str]]:
    rows = []
    for result in results:
        if "trained" in result.numbers:
            gain = difference(result, "trained", "random")
            rows.append(
                {
                    "model": label(result, results),
                    "features": result.note("layer"),
                    "dimension": f"{result.numbers['dimension'][0]:,.0f}",
                    "random, %": _percent(result, "random"),
                    "trained, %": _percent(result, "trained"),
                    "learnt gain, points": gain.words,
                    "interval over": gain.over,
                }
            )
        for name, title in (("pixels", "none, the pixels"), ("hog", "HOG, designed by hand")):
            if name in result.numbers:
                dimension = f"{result.numbers[f'{name}_dimension'][0]:,.0f}"
                location = label(result, results).removeprefix(result.group.name).removeprefix(", ")
                row = {"model": location or "–", "features": title, "dimension": dimension}
                rows.append(row | {"random, %": "", "trained, %": _percent(result, name)})
    return rows


def _percent(result: ProbeResult, name: str) -> str:
    return mean_with_half_width(100 * result.numbers[name], 2)


def _note(results: Sequence[ProbeResult]) -> str:
    head = next(filter(None, (result.note("head") for result in results)), "")
    hog = next(filter(None, (result.note("hog") for result in results)), "")
    return (
        "Test accuracy of one and the same softmax head, trained on frozen features of the untrained (*random*: "
        "initial weights of the same seed) and of the trained model; *learnt gain* is their difference. The layer is "
        f"named by its place in the model. Head: {head}, on {results[0].train_images:,} images, features centred and "
        f"divided by one number{f'. HOG: {hog}' if hog else ''}. {seed_count_text(results).capitalize()}; "
        f"the first {results[0].images:,} test images."
    )


def draw_filters(filters: np.ndarray, strongest: np.ndarray) -> bytes:
    """Draw one column per filter ``(K, h, w)``, below it its images, uint8 ``(K, n, 28, 28)``, as SVG."""
    grid = ImageGrid(len(filters), 1 + strongest.shape[1])
    for column, (weights, images) in enumerate(zip(filters, strongest, strict=True)):
        limit = float(np.abs(weights).max()) or 1.0
        grid.draw_pixels(column, 0, weights, cmap="PuOr_r", vmin=-limit, vmax=limit)
        for row, image in enumerate(images, 1):
            grid.draw_image(column, row, image)
    return grid.to_svg()


def _once_per_model(results: Sequence[ProbeResult]) -> list[ProbeResult]:
    return list({result.group.model: result for result in reversed(results)}.values())[::-1]
