"""Section on spatial structure: accuracy with permuted pixels and permuted blocks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import escape, mean_with_half_width
from bench.report.elements.probe_results import (
    ProbeResult,
    curve_style,
    difference,
    hint,
    label,
    seed_count_text,
    table_rows,
)
from bench.report.elements.section import Section
from bench.report.elements.style import to_svg

IMAGE_SIDE = 28
ROUNDING = 0.01
"""Relative to the largest logit: what adding in another order may change, in bfloat16 too."""


def section(
    slug: str, permuted: Sequence[ProbeResult], blocks: Sequence[ProbeResult], colours: Mapping[str, str]
) -> Section:
    """Build the section on spatial structure; empty where no run was probed."""
    if not permuted and not blocks:
        return Section()
    parts: list[Block] = [Heading(3, "Spatial structure", anchor(slug, "structure"))]
    if permuted:
        parts += [_permutation_table(permuted), _note(permuted), *_exact_test(permuted)]
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
            _block_table(blocks),
        ]
    return Section(parts, [*table_rows(slug, permuted), *table_rows(slug, blocks)])


def _permutation_table(results: Sequence[ProbeResult]) -> Table:
    rows = []
    for result in results:
        loss = difference(result, "ordered", "permuted", retrained=True)
        rows.append(
            {
                "model": label(result, results),
                "pixels in order, %": mean_with_half_width(100 * result.numbers["ordered"], 2),
                "pixels permuted, %": mean_with_half_width(100 * result.numbers["permuted"], 2),
                "points lost": loss.words,
                "interval over": loss.over,
            }
        )
    return Table("structure", rows, [hint(result) for result in results])


def _note(results: Sequence[ProbeResult]) -> str:
    return (
        "Every image's pixels change places by one fixed permutation, in training and test alike, and the model is "
        f"trained anew from the same seed on {_trained_on(results)} ({seed_count_text(results)}; the first "
        f"{results[0].images:,} test images). Brackets are 95 % intervals; with fewer than three seeds a difference's "
        "spread is taken from how far the model's accuracies differ from seed to seed."
    )


def _exact_test(results: Sequence[ProbeResult]) -> list[str]:
    tested = [result for result in results if "columns_gap" in result.numbers]
    same = [result for result in tested if _same_but_for_rounding(result)]
    others = [result for result in tested if not _same_but_for_rounding(result)]
    left_out = [result for result in results if "columns_gap" not in result.numbers and result.note("columns")]
    sentences = []
    if same:
        sentences.append(
            "No training is needed to see that a model which takes the image as a vector cannot notice: exchange the "
            "columns of the trained first layer like the pixels, and for the permuted images it gives the same logits "
            f"but for rounding: {_logit_changes(same, results)}."
        )
    if others:
        sentences.append(
            "With the columns of the first layer exchanged like the pixels, these give other logits by more than "
            f"rounding: {_logit_changes(others, results)}."
        )
    if left_out:
        reasons = [f"{label(result, results)} ({escape(result.note('columns'))})" for result in left_out]
        sentences.append(f"The test of exchanged columns does not apply to {'; '.join(reasons)}.")
    return sentences


def _same_but_for_rounding(result: ProbeResult) -> bool:
    return bool((result.numbers["columns_gap"] <= ROUNDING * result.numbers["columns_logit"]).all())


def _logit_changes(chosen: Sequence[ProbeResult], results: Sequence[ProbeResult]) -> str:
    return "; ".join(
        f"{label(result, results)} {int(result.numbers['columns_answers'].max())} of {result.images:,} answers change, "
        f"logits by at most {result.numbers['columns_gap'].max():.1g} "
        f"(the largest is {result.numbers['columns_logit'].max():.3g})"
        for result in chosen
    )


def _block_table(results: Sequence[ProbeResult]) -> Table:
    names = {name for result in results for name in result.numbers if name.startswith("block_")}
    sizes = sorted((int(name.removeprefix("block_")) for name in names), reverse=True)
    columns = {"in order, %": "ordered"} | {f"{size} px, %": f"block_{size}" for size in sizes}
    rows = [
        {"model": label(result, results)}
        | {
            title: mean_with_half_width(100 * result.numbers[name], 2)
            for title, name in columns.items()
            if name in result.numbers
        }
        for result in results
    ]
    return Table("blocks", rows, [hint(result) for result in results])


def _draw(results: Sequence[ProbeResult], colours: Mapping[str, str]) -> bytes:
    figure = Figure(figsize=(6.8, 3.4))
    axes = figure.add_subplot()
    for result in results:
        means = {IMAGE_SIDE: result.numbers["ordered"].mean()}
        means |= {
            int(name.removeprefix("block_")): values.mean()
            for name, values in result.numbers.items()
            if name.startswith("block_")
        }
        sizes = sorted(means)
        errors = 1 - np.array([means[size] for size in sizes])
        axes.plot(
            sizes,
            errors,
            marker="o",
            markersize=3.5,
            label=label(result, results),
            **curve_style(result, results, colours),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([IMAGE_SIDE, 14, 7, 4, 2])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < IMAGE_SIDE else "whole"))
    axes.xaxis.set_inverted(True)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.set_xlabel("size of the blocks that changed places, in pixels")
    axes.set_ylabel("test error (log scale)")
    axes.legend()
    return to_svg(figure)


def _trained_on(results: Sequence[ProbeResult]) -> str:
    return f"{results[0].train_images:,} images"


def _seeds(results: Sequence[ProbeResult]) -> str:
    return seed_count_text(results).capitalize()
