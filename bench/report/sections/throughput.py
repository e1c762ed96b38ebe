"""Section on throughput: training and inference by batch size, the article's loop, and the roofline."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.records.throughput import ARTICLE, Cost, ModelThroughput, StepTime, ThroughputRecord
from bench.report.elements.blocks import Block, Heading, Picture, Table
from bench.report.elements.formatting import commit_text, three_digits
from bench.report.elements.section import Section
from bench.report.elements.style import INK, to_svg
from bench.report.sections.frameworks import condition_columns, epoch_rows, ratio_text

BY_SIZE_NOTE = (
    "Median of at least three rounds for each size. Where a line flattens the machine is busy; where it rises, most of "
    "a step is the overhead of calling operations."
)
ROOFLINE_NOTE = (
    "The roofs are this machine's fastest copy and its fastest matrix product, measured in the same run. A point on "
    "the slope waits for memory, one under the flat part for arithmetic; a point above the slope keeps in the cache "
    "what is counted as read and written."
)
HEADLINE_NOTE = (
    "*Times as fast*: an epoch of the article's own loop (DataLoader, transforms image by image, float32) over one of "
    "ours, both in turn, with the 95 % interval over rounds. *Of peak*: the training's FLOP/s as a share of the "
    "fastest matrix product; *of copy bandwidth*: what its operations read and write, as if there were no cache, as a "
    "share of the fastest copy. *One image*: inference of a single image. *Memory*: what training adds to the process "
    "at its peak, in a run of its own."
)

PHASES = {"train": ("training", "o", "-"), "infer": ("inference", "^", "--")}
"""Name, marker and line style of each phase."""

ARTICLE_COLUMNS = [
    "model", "system", "device", "precision", "threads", "commit",
    "rounds", "article_epoch_s", "harness_epoch_s", "ratio", "ratio_low", "ratio_high",
]  # fmt: skip


def section(records: Sequence[ThroughputRecord], colours: Mapping[str, str]) -> Section:
    """Build tables and plots of all records; empty without records."""
    if not records:
        return Section()
    blocks: list[Block] = [Heading(2, "Speed by batch size, and what limits it", "speed")]
    for record in records:
        slug = f"speed-{record.machine.label}-{record.device}-{record.precision}"
        blocks += [
            Heading(3, f"{record.location}, {record.precision}", slug),
            Table("article-loop", headline_rows(record)),
            _note(record),
            Picture(
                f"{slug}-by-batch-size.svg",
                draw_by_batch_size(record, colours),
                "Images per second by batch size, training and inference",
                BY_SIZE_NOTE,
            ),
            Picture(
                f"{slug}-roofline.svg",
                draw_roofline(record, colours),
                "Each model's rate under the roofs of memory and arithmetic",
                ROOFLINE_NOTE,
            ),
        ]
    return Section(blocks)


def headline_rows(record: ThroughputRecord) -> list[dict[str, Any]]:
    """One row per model: the article's loop and ours, and at the recipe's batch size how near to the roofs."""
    return [_headline_row(record, *pair) for pair in zip(record.models, _article_rows([record]), strict=True)]


def terminal_rows(record: ThroughputRecord) -> list[dict[str, Any]]:
    """Select the columns of :func:`headline_rows` that fit into 80 characters."""
    names = {
        "model": "model",
        "article's loop, s/epoch": "article's, s",
        "ours, s/epoch": "ours, s",
        "times as fast": "times as fast",
        "training, images/s": "images/s",
        "of peak FLOP/s, %": "of peak, %",
    }
    return [{short: row[name] for name, short in names.items()} for row in headline_rows(record)]


def article_loop_table(records: Sequence[ThroughputRecord]) -> pd.DataFrame:
    """One row per model: median seconds of an epoch of both loops over rounds, and their ratio with its interval."""
    rows = [row | {"article_epoch_s": row["epoch_s"]} for row in _article_rows(records)]
    return pd.DataFrame(rows, columns=ARTICLE_COLUMNS)


def throughput_table(records: Sequence[ThroughputRecord]) -> pd.DataFrame:
    """One row per model and batch size in timm's columns: step times in ms, parameters in millions, GMACs an image."""
    return pd.DataFrame(
        [
            {
                "model": model.model,
                **_timm_columns(model.step_time("train", size), "train"),
                "param_count": round(model.cost.parameters / 1e6, 6),
                **_timm_columns(model.step_time("infer", size), "infer"),
                "infer_gmacs": None if flops is None else flops / 2e9,
                **condition_columns(record),
            }
            for record in records
            for model in record.models
            if model.cost
            for flops in [model.cost.infer_flops_per_image]
            for size in _batch_sizes(model)
        ]
    )


def draw_by_batch_size(record: ThroughputRecord, colours: Mapping[str, str]) -> bytes:
    """Draw images per second against batch size, as SVG; both axes logarithmic."""
    figure = Figure(figsize=(7.2, 4.2))
    axes = figure.add_subplot()
    for model in record.models:
        for phase, (words, marker, line) in PHASES.items():
            times = [time for size in _batch_sizes(model) if (time := model.step_time(phase, size))]
            axes.plot(
                [time.batch_size for time in times],
                [time.images_per_s for time in times],
                marker=marker,
                markersize=4,
                linestyle=line,
                color=colours.get(model.model, INK),
                label=f"{model.model}, {words}",
            )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    sizes = sorted({size for model in record.models for size in _batch_sizes(model)})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xlabel("batch size")
    axes.set_ylabel("images per second")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return to_svg(figure)


def draw_roofline(record: ThroughputRecord, colours: Mapping[str, str]) -> bytes:
    """Draw FLOP/s against FLOPs per byte of traffic at the recipe's batch size, under the measured roofs, as SVG."""
    assert record.peaks
    figure = Figure(figsize=(7.2, 4.2))
    axes = figure.add_subplot()
    peak, copy = record.peaks.matmul_flops_per_s, record.peaks.copy_bytes_per_s
    points = [(model, phase, *_intensity(model, phase)) for model in record.models for phase in PHASES]
    points = [point for point in points if point[3] > 0]
    intensities = np.geomspace(min([0.1, *(x for _, _, x, _ in points)]) / 2, 8 * peak / copy, 100)
    axes.plot(intensities, np.minimum(peak, intensities * copy) / 1e9, color=INK, linewidth=1.5)
    axes.text(
        intensities[-1], 1.06 * peak / 1e9, f"{peak / 1e9:.0f} GFLOP/s", ha="right", va="bottom", color=INK, fontsize=9
    )
    axes.text(intensities[2], 2 * intensities[2] * copy / 1e9, f"{copy / 1e9:.0f} GB/s", color=INK, fontsize=9)
    for model, phase, intensity, rate in points:
        words, marker, _ = PHASES[phase]
        colour, label = colours.get(model.model, INK), f"{model.model}, {words}"
        axes.plot(intensity, rate / 1e9, marker, color=colour, markersize=8, linestyle="none", label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("FLOPs per byte read or written")
    axes.set_ylabel("GFLOP/s")
    if points:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return to_svg(figure)


def _article_rows(records: Sequence[ThroughputRecord]) -> list[dict[str, Any]]:
    """Build one row per model: ``speed`` times the article's loop on all."""
    return [row for row in epoch_rows(records) if row["framework"] == ARTICLE]


def _headline_row(record: ThroughputRecord, model: ModelThroughput, article: dict[str, Any]) -> dict[str, Any]:
    assert record.peaks and model.cost
    size = model.cost.batch_size
    row = {
        "model": model.model,
        "article's loop, s/epoch": three_digits(article["epoch_s"]),
        "ours, s/epoch": three_digits(article["harness_epoch_s"]),
        "times as fast": ratio_text(article, 1),
    }
    for phase, (words, _, _) in PHASES.items():
        time = model.step_time(phase, size)
        row[f"{words}, images/s"] = f"{time.images_per_s:,.0f}" if time else ""
        if phase == "train":
            flops, traffic = _per_image(model.cost, phase)
            row["of peak FLOP/s, %"] = _share_text(flops, time, record.peaks.matmul_flops_per_s)
            row["of copy bandwidth, %"] = _share_text(traffic, time, record.peaks.copy_bytes_per_s)
    single_image = model.step_time("infer", 1)
    row["one image, ms"] = f"{1e3 * single_image.median_s:.3g}" if single_image else ""
    row["memory, MB"] = f"{(model.cost.memory_bytes - model.cost.idle_bytes) / 1e6:,.0f}"
    return row


def _note(record: ThroughputRecord) -> str:
    sizes = sorted({model.cost.batch_size for model in record.models if model.cost})
    return (
        f"Batch {'/'.join(map(str, sizes))}, {record.threads} threads; measured {record.started_at:%Y-%m-%d} at commit "
        f"{commit_text(record.git)}; repeat it with `make speed`. {HEADLINE_NOTE}"
    )


def _intensity(model: ModelThroughput, phase: str) -> tuple[float, float]:
    """Compute FLOPs per byte and FLOP/s at the batch size of the cost; zeros where that was not counted or timed."""
    assert model.cost
    time = model.step_time(phase, model.cost.batch_size)
    flops, traffic = _per_image(model.cost, phase)
    return (flops / traffic, flops * time.images_per_s) if time and traffic and flops else (0.0, 0.0)


def _per_image(cost: Cost, phase: str) -> tuple[int | None, int]:
    """Return the FLOPs of an image and the bytes read and written for it."""
    if phase == "train":
        return cost.train_flops_per_image, cost.train_bytes_per_image
    return cost.infer_flops_per_image, cost.infer_bytes_per_image


def _share_text(per_image: int | None, time: StepTime | None, peak: float) -> str:
    """Format a step's FLOPs or bytes per second as a percentage of the peak; empty where not counted or not timed."""
    return f"{100 * per_image * time.images_per_s / peak:.0f}" if per_image is not None and time else ""


def _batch_sizes(model: ModelThroughput) -> list[int]:
    return sorted({time.batch_size for time in model.step_times})


def _timm_columns(time: StepTime | None, phase: str) -> dict[str, float | None]:
    return {
        f"{phase}_samples_per_sec": round(time.images_per_s, 2) if time else None,
        f"{phase}_step_time": round(1e3 * time.median_s, 4) if time else None,
        f"{phase}_batch_size": time.batch_size if time else None,
    }
