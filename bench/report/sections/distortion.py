"""Section on distortion: accuracy per corruption, corruption errors, and curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.analysis import stats
from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import mean_with_half_width
from bench.report.elements.image_grid import ImageGrid
from bench.report.elements.labels import Labels, labels_of
from bench.report.elements.probe_results import Arrays, ProbeResult, curve_style, hint, label, table_rows
from bench.report.elements.section import Section
from bench.report.elements.style import INK, to_svg

REFERENCE = "softmax"
"""Model whose errors are the unit of the corruption error."""

CURVES = {
    "translation": "shift in pixels",
    "rotation": "turn in degrees",
    "scale": "size, as a multiple",
    "noise": "standard deviation of noise",
}
LINE_HEIGHT = 0.36  # cells between two models' answers below the shifted image; twice that where they are words
CLEAN = "clean"


def corruptions_of(result: ProbeResult) -> list[str]:
    """List the corruptions: the numbers that are neither on clean images nor points of a curve."""
    return [name for name in result.numbers if name != CLEAN and name.rpartition("_")[0] not in CURVES]


def mean_over_corruptions(result: ProbeResult, seeds: Sequence[int]) -> np.ndarray:
    """Compute the mean accuracy over the corruptions for each of the seeds, shape ``(S,)``."""
    return np.asarray(np.mean([result.at(name, seeds) for name in corruptions_of(result)], axis=0))


def curve(result: ProbeResult, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve's magnitudes ``(P,)``, ascending, and accuracies ``(P, S)`` over seeds."""
    points = {float(key.rpartition("_")[2]): key for key in result.numbers if key.rpartition("_")[0] == name}
    magnitudes = sorted(points)
    return np.array(magnitudes), np.array([result.numbers[points[magnitude]] for magnitude in magnitudes])


def corruption_error(result: ProbeResult, reference: ProbeResult, relative: bool = False) -> list[float]:
    """Compute the mean over corruptions of error / the reference's error, for each seed that both have.

    ``relative`` subtracts from both errors that on clean images first. Source: Hendrycks and Dietterich 2019.
    """
    shared = [seed for seed in result.seeds if seed in reference.seeds]
    errors, reference_errors = (
        np.array([1 - source.at(name, shared) for name in names])
        for source in (result, reference)
        for names in [[CLEAN, *corruptions_of(result)]]
    )
    if relative:
        errors, reference_errors = errors - errors[0], reference_errors - reference_errors[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [float(value) for value in (errors[1:] / reference_errors[1:]).mean(axis=0)]


@dataclass(frozen=True)
class CorruptionVerdicts:
    """Verdicts on two models, corruption by corruption: ``kinds``, and ``gaps`` as fractions."""

    gaps: dict[str, float]
    kinds: dict[str, str]

    def names(self, kind: str) -> list[str]:
        """List the corruptions on which the first model is ``ahead`` or ``behind``, or which ``cannot tell``."""
        return [name for name, verdict in self.kinds.items() if verdict == kind]

    def words(self, kind: str) -> str:
        """Format the gaps of a kind in points: ``fog +7.1, zigzag -2.1``."""
        return ", ".join(f"{name.replace('_', ' ')} {100 * self.gaps[name]:+.1f}" for name in self.names(kind))


VERDICT_KINDS = ("ahead", "behind", "cannot tell")


def corruption_verdicts(first: ProbeResult, second: ProbeResult, alpha: float = 0.05) -> CorruptionVerdicts | None:
    """Decide on each corruption by a t test over seeds, adjusted for all of them (Holm); the test images as given.

    None with fewer than three seeds in common.
    """
    shared = [seed for seed in first.seeds if seed in second.seeds]
    names = [name for name in corruptions_of(first) if name in second.numbers]
    if len(shared) < 3 or not names:
        return None
    differences = [first.at(name, shared) - second.at(name, shared) for name in names]
    adjusted = stats.holm([stats.mean_test(list(values)) for values in differences])
    gaps = {name: float(values.mean()) for name, values in zip(names, differences, strict=True)}
    kinds = {
        name: "cannot tell" if p >= alpha else "ahead" if gaps[name] > 0 else "behind"
        for name, p in zip(names, adjusted, strict=True)
    }
    return CorruptionVerdicts(gaps, kinds)


def verdict_rows(results: Sequence[ProbeResult]) -> list[dict[str, str]]:
    """Build a row for each pair of models at one location with three seeds or more."""
    rows = []
    for first, second in combinations(results, 2):
        verdicts = corruption_verdicts(first, second) if first.group.location == second.group.location else None
        if verdicts:
            pair = {"model": label(first, results), "against": second.group.name}
            rows.append(pair | {f"{kind}, points": verdicts.words(kind) or "none" for kind in VERDICT_KINDS})
    return rows


def section(slug: str, results: Sequence[ProbeResult], colours: Mapping[str, str], arrays: Arrays) -> Section:
    """Build the section on distortion; empty where no run was probed."""
    if not results:
        return Section()
    level = f"{100 * results[0].goals.distorted:.0f} %"
    blocks: list[Block] = [
        Heading(3, "Distortion", anchor(slug, "distortion")),
        Table("distortion", _corruption_rows(results)),
        f"Test accuracy in percent on the first {min(result.images for result in results):,} test images under the 15 "
        "corruptions of MNIST-C (Mu and Gilmer 2019), the same images for every model, no model trained on any; mean "
        "and 95 % t interval over seeds. *mCE* is the mean over the corruptions of a model's error divided by "
        f"{REFERENCE}'s; *relative mCE* subtracts the error on clean images first. Lower is better for both.",
        *_verdict_blocks(results),
        Picture(
            f"{slug}-distortion.svg",
            draw_curves(results, colours),
            "Accuracy against the strength of four distortions",
            f"How far each model can be pushed: mean over seeds; the dotted line is {level}.",
        ),
        Table("distortion-curves", _curve_rows(results), [hint(result) for result in results]),
        f"*Area* is the mean accuracy over the range drawn; *{level} until* is the strength at which the "
        "accuracy falls below it (for the size: going down from 1), interpolated, mean over seeds.",
    ]
    arrays_by_model = {label(result, results): arrays(result.records[0]) for result in results}
    arrays_by_model = {
        name: values
        for name, values in arrays_by_model.items()
        if {"shifted", "answers", "confidences"} <= values.keys()
    }
    if arrays_by_model:
        labels = labels_of(results[0].group.runs[0].trial.dataset)
        blocks.append(
            Picture(
                f"{slug}-shifted-digit.svg",
                draw_shifted_image(arrays_by_model, labels),
                f"One {labels.noun}, shifted further and further, with each model's answer",
                "The first test image, shifted to the right by so many pixels; below it each model's answer and the "
                "probability the model gave it (lowest seed), in bold where the answer is no longer the first.",
            )
        )
    return Section(blocks, table_rows(slug, results))


def draw_shifted_image(arrays_by_model: Mapping[str, Mapping[str, np.ndarray]], labels: Labels) -> bytes:
    """Draw the image at every shift and, row by row, each model's answer, as SVG."""
    images = next(iter(arrays_by_model.values()))["shifted"]
    line_height, separator, size = (2 * LINE_HEIGHT, "\n", 7.5) if labels.long else (LINE_HEIGHT, "  ", 8.5)
    grid = ImageGrid(len(images), 1 + line_height * len(arrays_by_model))
    for shift, image in enumerate(images):
        grid.draw_image(shift, 0, image)
        grid.draw_text(shift + 0.5, 0, f"{shift} px", ha="center", va="bottom", fontsize=8)
    for row, (name, arrays) in enumerate(arrays_by_model.items()):
        middle = 1 + line_height * (row + 0.5)
        grid.draw_text(-0.1, middle, name, ha="right", va="center", fontsize=9)
        for shift, (answer, confidence) in enumerate(zip(arrays["answers"], arrays["confidences"], strict=True)):
            weight = "bold" if answer != arrays["answers"][0] else "normal"
            text = f"{labels.name(int(answer))}{separator}{100 * confidence:.0f} %"
            grid.draw_text(shift + 0.5, middle, text, ha="center", va="center", fontsize=size, weight=weight)
    return grid.to_svg()


def draw_curves(results: Sequence[ProbeResult], colours: Mapping[str, str]) -> bytes:
    """Draw one panel per curve, as SVG."""
    figure = Figure(figsize=(9.6, 5.6), layout="constrained")
    for axes, (name, strength) in zip(figure.subplots(2, 2, sharey=True).flat, CURVES.items(), strict=True):
        for result in results:
            magnitudes, accuracies = curve(result, name)
            if not len(magnitudes):
                continue
            axes.plot(
                magnitudes,
                accuracies.mean(axis=1),
                marker="o",
                markersize=3,
                label=label(result, results),
                **curve_style(result, results, colours),
            )
        axes.axhline(results[0].goals.distorted, linestyle=":", linewidth=1, color=INK)
        axes.set_xlabel(strength)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.set_ylim(0, 1.02)
    handles = {
        name: handle for axes in figure.axes for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(handles.values(), handles, loc="outside upper center", ncols=min(3, len(handles)))
    for axes in figure.axes[::2]:
        axes.set_ylabel("test accuracy")
    return to_svg(figure)


def _verdict_blocks(results: Sequence[ProbeResult]) -> list[Block]:
    rows = verdict_rows(results)
    note = "By a t test over the seeds, adjusted for all corruptions (Holm); *cannot tell* is no proof of equality."
    return [Table("distortion-verdicts", rows), note] if rows else []


def _corruption_rows(results: Sequence[ProbeResult]) -> list[dict[str, str]]:
    names = [name for name in results[0].numbers if name == CLEAN or name in corruptions_of(results[0])]
    rows = [
        {"distortion": name.replace("_", " ")}
        | {
            label(result, results): mean_with_half_width(100 * result.numbers[name])
            for result in results
            if name in result.numbers
        }
        for name in names
    ]
    references = {result.group.location: result for result in results if result.group.model == REFERENCE}
    for title, relative in (("mCE", False), ("relative mCE", True)):
        cells = {
            label(result, results): mean_with_half_width(
                np.array(corruption_error(result, references[result.group.location], relative)), digits=2
            )
            for result in results
            if result.group.location in references
        }
        rows += [{"distortion": title} | cells] if cells else []
    return rows


def _curve_rows(results: Sequence[ProbeResult]) -> list[dict[str, str]]:
    rows = []
    for result in results:
        row = {"model": label(result, results)}
        for name in CURVES:
            magnitudes, accuracies = curve(result, name)
            if len(magnitudes) > 1:
                level = result.goals.distorted
                area = stats.area_under(magnitudes, accuracies.mean(axis=1))
                row[f"{name}: area, %"] = f"{100 * area:.1f}"
                row[f"{100 * level:.0f} % until ({CURVES[name]})"] = _crossing_text(name, magnitudes, accuracies, level)
        rows.append(row)
    return rows


def _crossing_text(name: str, magnitudes: np.ndarray, accuracies: np.ndarray, level: float) -> str:
    if name == "scale":
        inside = magnitudes <= 1
        magnitudes, accuracies = magnitudes[inside][::-1], accuracies[inside][::-1]
    crossings = [stats.falls_below(magnitudes, column, level) for column in accuracies.T]
    if np.isnan(crossings).any():
        never = sum(np.isnan(crossings))
        return "beyond" if never == len(crossings) else f"beyond in {never} of {len(crossings)}"
    return f"{np.mean(crossings):.3g}"
