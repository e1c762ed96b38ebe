"""What the order of the pixels is worth to each model: permuted pixels, permuted blocks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import mean_with_half_width
from bench.report.elements.probe_results import ProbeResult, difference, hint, label, look, seeds_in_words, table_rows
from bench.report.elements.section import Section
from bench.report.elements.style import to_svg

SIDE = 28


def section(
    slug: str, permuted: Sequence[ProbeResult], blocks: Sequence[ProbeResult], colours: Mapping[str, str]
) -> Section:
    """The section of one condition; empty where no run was asked."""
    if not permuted and not blocks:
        return Section()
    parts: list[Block] = [Heading(3, "Spatial structure", anchor(slug, "structure"))]
    if permuted:
        parts += [_permuted(permuted), _note(permuted), *_exact_test(permuted)]
    if blocks:
        parts += [
            Picture(
                f"{slug}-blocks.svg",
                _draw(blocks, colours),
                "Accuracy against the size of the blocks that changed places",
                "The images are cut into square blocks whose places are exchanged, the same way in all images, their "
                f"contents kept; 1 pixel is the permutation above. {_seeds(blocks)}, trained anew on "
                f"{_trained_on(blocks)}.",
            ),
            _blocks(blocks),
        ]
    return Section(parts, [*table_rows(slug, permuted), *table_rows(slug, blocks)])


def _permuted(found: Sequence[ProbeResult]) -> Table:
    rows = []
    for asked in found:
        lost = difference(asked, "ordered", "permuted", retrained=True)
        rows.append(
            {
                "model": label(asked, found),
                "pixels in order, %": mean_with_half_width(100 * asked.numbers["ordered"], 2),
                "pixels permuted, %": mean_with_half_width(100 * asked.numbers["permuted"], 2),
                "points lost": lost.words,
                "interval over": lost.over,
            }
        )
    return Table("structure", rows, [hint(asked) for asked in found])


def _note(found: Sequence[ProbeResult]) -> str:
    return (
        "Every image's pixels change places by one fixed permutation, in training and test alike, and the model is "
        f"trained anew from the same seed on {_trained_on(found)} ({seeds_in_words(found)}; the first "
        f"{found[0].images:,} test images). Brackets are 95 % intervals; with fewer than three seeds a difference's "
        "spread is taken from how far the model's accuracies differ from seed to seed."
    )


def _exact_test(found: Sequence[ProbeResult]) -> list[str]:
    exact = [asked for asked in found if "columns_gap" in asked.numbers]
    if not exact:
        return []
    words = [
        f"{label(asked, found)} {int(asked.numbers['columns_answers'].max())} of {asked.images:,} answers change, "
        f"logits by at most {asked.numbers['columns_gap'].max():.1g} "
        f"(the largest is {asked.numbers['columns_logit'].max():.3g})"
        for asked in exact
    ]
    return [
        "No training is needed to see that a model which takes the image as a vector cannot notice: exchange the "
        f"columns of the trained first layer like the pixels, and for the permuted images it gives the same logits but "
        f"for rounding: {'; '.join(words)}."
    ]


def _blocks(found: Sequence[ProbeResult]) -> Table:
    names = {name for asked in found for name in asked.numbers if name.startswith("block_")}
    sizes = sorted((int(name.removeprefix("block_")) for name in names), reverse=True)
    columns = {"in order, %": "ordered"} | {f"{size} px, %": f"block_{size}" for size in sizes}
    rows = [
        {"model": label(asked, found)}
        | {
            title: mean_with_half_width(100 * asked.numbers[name], 2)
            for title, name in columns.items()
            if name in asked.numbers
        }
        for asked in found
    ]
    return Table("blocks", rows, [hint(asked) for asked in found])


def _draw(found: Sequence[ProbeResult], colours: Mapping[str, str]) -> bytes:
    figure = Figure(figsize=(6.8, 3.4))
    axes = figure.add_subplot()
    for asked in found:
        means = {SIDE: asked.numbers["ordered"].mean()}
        means |= {
            int(name.removeprefix("block_")): its.mean()
            for name, its in asked.numbers.items()
            if name.startswith("block_")
        }
        sizes = sorted(means)
        errors = 1 - np.array([means[size] for size in sizes])
        axes.plot(sizes, errors, marker="o", markersize=3.5, label=label(asked, found), **look(asked, found, colours))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([SIDE, 14, 7, 4, 2])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < SIDE else "whole"))
    axes.xaxis.set_inverted(True)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.set_xlabel("size of the blocks that changed places, in pixels")
    axes.set_ylabel("test error (log scale)")
    axes.legend()
    return to_svg(figure)


def _trained_on(found: Sequence[ProbeResult]) -> str:
    return f"{found[0].train_images:,} images"


def _seeds(found: Sequence[ProbeResult]) -> str:
    return seeds_in_words(found).capitalize()
