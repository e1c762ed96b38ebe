"""What distortion does to each model: accuracy per corruption, corruption errors, and curves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench import stats
from bench.groups import Comparison, Group
from bench.probe_records import ProbeRecord, answers_to
from bench.report.cells import escape, mean_with_half_width, to_markdown
from bench.report.style import place_styles, to_svg

REFERENCE = "softmax"
"""The model whose errors are the unit of the corruption error."""

CURVES = {
    "translation": "shift in pixels",
    "rotation": "turn in degrees",
    "scale": "size, as a multiple",
    "noise": "standard deviation of noise",
}
LEVEL = 0.9
CLEAN = "clean"


@dataclass(frozen=True)
class Answer:
    """One model at one place: accuracy by distortion, an array over seeds; ``seeds`` tells which."""

    group: Group
    seeds: tuple[int, ...]
    accuracies: dict[str, np.ndarray]
    images: int

    @property
    def corruptions(self) -> list[str]:
        """Names of those that are neither clean images nor points of a curve."""
        return [name for name in self.accuracies if name != CLEAN and name.rpartition("_")[0] not in CURVES]

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Magnitudes of shape ``(P,)`` and accuracies of shape ``(P, S)``."""
        points = {float(key.rpartition("_")[2]): key for key in self.accuracies if key.rpartition("_")[0] == name}
        magnitudes = sorted(points)
        return np.array(magnitudes), np.array([self.accuracies[points[each]] for each in magnitudes])


def answers(comparison: Comparison, records: Iterable[ProbeRecord]) -> list[Answer]:
    """The groups whose runs were asked, with what every one of those runs answered."""
    by_run = answers_to("distortion", records)
    found = []
    for group in comparison.groups:
        asked = [(run, by_run[run.stem]) for run in group.runs if run.stem in by_run]
        if asked:
            names = [name for name in asked[0][1].numbers if all(name in record.numbers for _, record in asked)]
            accuracies = {name: np.array([record.numbers[name] for _, record in asked]) for name in names}
            images = min(record.images for _, record in asked)
            found.append(Answer(group, tuple(run.trial.seed for run, _ in asked), accuracies, images))
    return found


def corruption_error(answer: Answer, reference: Answer, relative: bool = False) -> list[float]:
    """Mean over the corruptions of error / the reference's error, per seed that both have.

    ``relative`` subtracts from both errors that on clean images first. Source: Hendrycks and Dietterich 2019.
    """
    shared = [seed for seed in answer.seeds if seed in reference.seeds]
    mine, theirs = (
        np.array([1 - _at(each, name, shared) for name in names])
        for each in (answer, reference)
        for names in [[CLEAN, *answer.corruptions]]
    )
    if relative:
        mine, theirs = mine - mine[0], theirs - theirs[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [float(value) for value in (mine[1:] / theirs[1:]).mean(axis=0)]


def verdicts(found: Sequence[Answer], alpha: float = 0.05) -> list[str]:
    """For each two models at one place with three seeds or more: where the first is ahead, behind, or neither.

    A t test over the seeds on each corruption, adjusted for all of them (Holm). The test images are taken as given.
    """
    lines = []
    for first, second in combinations(found, 2):
        shared = [seed for seed in first.seeds if seed in second.seeds]
        names = [name for name in first.corruptions if name in second.accuracies]
        if first.group.place != second.group.place or len(shared) < 3 or not names:
            continue
        differences = [_at(first, name, shared) - _at(second, name, shared) for name in names]
        adjusted = stats.holm([stats.mean_test(list(values)) for values in differences])
        kinds = [
            "cannot tell" if p >= alpha else "ahead" if values.mean() > 0 else "behind"
            for values, p in zip(differences, adjusted, strict=True)
        ]
        gaps = {
            name: f"{name.replace('_', ' ')} {100 * d.mean():+.1f}" for name, d in zip(names, differences, strict=True)
        }
        by_kind = {
            kind: [gaps[name] for name, its in zip(names, kinds, strict=True) if its == kind]
            for kind in ("ahead", "behind", "cannot tell")
        }
        parts = [f"{kind} on {len(group)} ({', '.join(group)})" for kind, group in by_kind.items() if group]
        lines.append(f"{_label(first, found)} against {_label(second, found)}, in points: {'; '.join(parts)}.")
    return lines


def _at(answer: Answer, name: str, seeds: Sequence[int]) -> np.ndarray:
    return answer.accuracies[name][[answer.seeds.index(seed) for seed in seeds]]


def distortion_table(answers_by_slug: Mapping[str, Sequence[Answer]]) -> pd.DataFrame:
    """One row per run and distortion: the numbers behind the tables and curves."""
    return pd.DataFrame(
        [
            {
                "condition": slug,
                "model": answer.group.model,
                "machine": answer.group.place,
                "seed": seed,
                "images": answer.images,
                "distortion": name,
                "accuracy": float(values[position]),
            }
            for slug, found in answers_by_slug.items()
            for answer in found
            for name, values in answer.accuracies.items()
            for position, seed in enumerate(answer.seeds)
        ]
    )


def section(found: Sequence[Answer], picture: str) -> list[str]:
    """The Markdown of one condition; empty where no run was asked."""
    if not found:
        return []
    return [
        "### Distortion",
        _corruptions(found),
        f"Test accuracy in percent on the first {min(answer.images for answer in found):,} test images under the 15 "
        "corruptions of MNIST-C (Mu and Gilmer 2019), the same images for every model, no model trained on any; mean "
        "and 95 % t interval over seeds. *mCE* is the mean over the corruptions of a model's error divided by "
        f"{REFERENCE}'s; *relative mCE* subtracts the error on clean images first. Lower is better for both.",
        *_verdicts(found),
        f"![Accuracy against the strength of four distortions](plots/{picture})",
        f"Mean over seeds; the dotted line is {100 * LEVEL:.0f} %.",
        _curves(found),
        f"*Area* is the mean accuracy over the range drawn; *{100 * LEVEL:.0f} % until* is the strength at which the "
        "accuracy falls below it (for the size: going down from 1), interpolated, mean over seeds.",
    ]


def draw_curves(found: Sequence[Answer], colours: Mapping[str, str]) -> bytes:
    """SVG with one panel per curve."""
    figure = Figure(figsize=(9.6, 5.6), layout="constrained")
    styles = place_styles(sorted({answer.group.place for answer in found}))
    for axes, (name, label) in zip(figure.subplots(2, 2, sharey=True).flat, CURVES.items(), strict=True):
        for answer in found:
            magnitudes, accuracies = answer.curve(name)
            if not len(magnitudes):
                continue
            style = {"color": colours[answer.group.model], "linestyle": styles[answer.group.place]}
            axes.plot(
                magnitudes, accuracies.mean(axis=1), marker="o", markersize=3, label=_label(answer, found), **style
            )
        axes.axhline(LEVEL, linestyle=":", linewidth=1, color="#808080")
        axes.set_xlabel(label)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.set_ylim(0, 1.02)
    handles = {
        label: handle for axes in figure.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(handles.values(), handles, loc="outside upper center", ncols=len(handles))
    for axes in figure.axes[::2]:
        axes.set_ylabel("test accuracy")
    return to_svg(figure)


def _verdicts(found: Sequence[Answer]) -> list[str]:
    lines = [f"- {escape(line)}" for line in verdicts(found)]
    note = "By a t test over the seeds, adjusted for all corruptions (Holm); *cannot tell* is no proof of equality."
    return ["\n".join(lines), note] if lines else []


def _corruptions(found: Sequence[Answer]) -> str:
    names = [name for name in found[0].accuracies if name == CLEAN or name in found[0].corruptions]
    rows = [
        {"distortion": name.replace("_", " ")}
        | {
            _label(each, found): mean_with_half_width(100 * each.accuracies[name])
            for each in found
            if name in each.accuracies
        }
        for name in names
    ]
    references = {each.group.place: each for each in found if each.group.model == REFERENCE}
    for title, relative in (("mCE", False), ("relative mCE", True)):
        cells = {
            _label(each, found): mean_with_half_width(
                np.array(corruption_error(each, references[each.group.place], relative)), digits=2
            )
            for each in found
            if each.group.place in references
        }
        rows += [{"distortion": title} | cells] if cells else []
    return to_markdown(rows)


def _curves(found: Sequence[Answer]) -> str:
    rows = []
    for answer in found:
        row = {"model": _label(answer, found)}
        for name in CURVES:
            magnitudes, accuracies = answer.curve(name)
            if len(magnitudes) > 1:
                area = stats.area_under(magnitudes, accuracies.mean(axis=1))
                row[f"{name}: area"] = f"{100 * area:.1f} %"
                row[f"{100 * LEVEL:.0f} % until ({CURVES[name]})"] = _until(name, magnitudes, accuracies)
        rows.append(row)
    return to_markdown(rows)


def _until(name: str, magnitudes: np.ndarray, accuracies: np.ndarray) -> str:
    if name == "scale":
        inside = magnitudes <= 1
        magnitudes, accuracies = magnitudes[inside][::-1], accuracies[inside][::-1]
    crossings = [stats.falls_below(magnitudes, column, LEVEL) for column in accuracies.T]
    if np.isnan(crossings).any():
        never = sum(np.isnan(crossings))
        return "beyond" if never == len(crossings) else f"beyond in {never} of {len(crossings)}"
    return f"{np.mean(crossings):.3g}"


def _label(answer: Answer, found: Sequence[Answer]) -> str:
    several = len({each.group.place for each in found}) > 1
    return f"{answer.group.model}, {answer.group.place}" if several else answer.group.model
