"""Format single values: digits, unit, interval."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.groups import FLAG_MARK, Group
from bench.common.errors import one_line
from bench.records.probes import ProbeRecord
from bench.records.schema import Git, Run
from bench.report.elements.blocks import Noted

UNSTEADY = "unsteady"
"""The word beside a time that is not steady; its reason stands in a note."""


def speed_cell(text: str, group: Group) -> str | Noted:
    """Add to a time or a rate of the group that it is unsteady, where it is: ``14.5 (unsteady)``."""
    return Noted(f"{text} ({UNSTEADY})", group.unsteady) if group.unsteady else text


def unsteady_notes(groups: Sequence[Group]) -> list[str]:
    """Explain the word beside times, a line of plain text for each reason: ``unsteady: mlp, cnn: other programs …``."""
    return _notes_by_reason([(group, [group.unsteady]) for group in groups if group.unsteady], f"{UNSTEADY}: ")


def model_flag_notes(groups: Sequence[Group]) -> list[str]:
    """Explain the marks after names, a line of plain text for each note: ``† cnn, mlp: outputs sum to 1 (seed 1).``."""
    return _notes_by_reason([(group, list(group.model_flags.values())) for group in groups], f"{FLAG_MARK} ")


def _notes_by_reason(notes: Sequence[tuple[Group, Sequence[str]]], mark: str) -> list[str]:
    """Join the models that a note is about, a line for each note; the location is named where there are several."""
    several = len({group.location for group, _ in notes}) > 1
    names: dict[str, list[str]] = {}
    for group, reasons in notes:
        for note in reasons:
            names.setdefault(note, []).append(f"{group.model} on {group.location}" if several else group.model)
    return [one_line(f"{mark}{', '.join(models)}: {note}.") for note, models in names.items()]


def percent_with_interval(group: Group) -> str:
    """Format the accuracy as ``98.98 % ± 0.12``; Wilson's interval is not symmetric and stands in brackets."""
    return _accuracy_with_interval(group, " %")


def accuracy_cell(group: Group) -> str:
    """Format the accuracy for a column with the unit in its head: ``98.98 ± 0.12``."""
    return _accuracy_with_interval(group, "")


def _accuracy_with_interval(group: Group, unit: str) -> str:
    mean, interval = 100 * group.mean_accuracy, group.accuracy_interval
    if len(group.accuracies) > 1:
        return f"{mean:.2f}{unit} ± {100 * (interval.high - interval.low) / 2:.2f}"
    return f"{mean:.2f}{unit} [{100 * interval.low:.2f}, {100 * interval.high:.2f}]"


def mean_with_half_width(values: np.ndarray, digits: int = 1) -> str:
    """Format mean and 95 % t interval of the values as ``95.7 ± 0.9``; of a single value the mean alone."""
    mean, interval = float(np.mean(values)), stats.t_interval(list(values))
    if math.isnan(interval.low):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {(interval.high - interval.low) / 2:.{digits}f}"


def three_digits(value: float) -> str:
    """Format a number with three significant digits: ``0.213``, ``9.41``, ``1,270``."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def seconds(value: float) -> str:
    """Format a duration: ``0.213 s``, ``9.41 s``, ``127 s``."""
    return f"{three_digits(value)} s"


TEXT_COLUMNS = {
    "model",
    "machine",
    "system",
    "verdict",
    "distortion",
    "features",
    "in the article",
    "it says",
    "measured as",
}
TEXT_COLUMNS |= {"from", "what", "value", "framework", "note", "hardware", "commit", "status", "reason", "record"}
TEXT_COLUMNS |= {"flags", "to", "against", "ahead, points", "behind, points", "cannot tell, points", "interval over"}
TEXT_COLUMNS |= {"started", "precision", "left out", "recipe"}
"""Names of the columns of text, which are aligned left; numbers are aligned right."""


def escape(value: Any) -> str:
    """Escape text so that Markdown shows it literally."""
    text = one_line(str(value)).replace("<", "&lt;")
    return re.sub(r"[\\|*`]|\](?=\()", r"\\\g<0>", text)


def p_value(value: float) -> str:
    """Format a p value as ``0.012``; never an exact zero."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def interval_in_points(interval: stats.Interval) -> str:
    """Format the interval of a difference of fractions in points: ``1.09 to 1.92``; empty where unknown."""
    return "" if math.isnan(interval.low) else f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def points_cell(fraction: float) -> str:
    """Format a difference of fractions in points: ``0.36``, or ``unknown``."""
    return "unknown" if math.isnan(fraction) else f"{100 * fraction:.2f}"


def time_cell(times: stats.Reached) -> str:
    """Format the seconds to a goal: ``12.1 (11.8 to 12.4; 1 of 3 missed)``, ``2 of 3 missed`` or ``never``."""
    if times.missed == times.trials:
        return "never"
    missed = f"{times.missed} of {times.trials} missed" if times.missed else ""
    if math.isnan(times.median):
        return missed
    return f"{three_digits(times.median)} ({times.low:.3g} to {times.high:.3g}{'; ' if missed else ''}{missed})"


def truncation_note(shown: int, count: int) -> str:
    """End a caption with `` The 12 most accurate of 40.``; empty where all are shown."""
    return f" The {shown} most accurate of {count}." if count > shown else ""


def spreadsheet_safe(text: str) -> str:
    """Prefix with an apostrophe what a spreadsheet would take for a formula."""
    text = one_line(text)
    is_number = re.fullmatch(r"[+-]?[\d.,]+[\d.,%±\[\] e-]*", text) is not None
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and not is_number else text


def provenance(records: Sequence[Run] | Sequence[ProbeRecord]) -> str:
    """Format date and commit of the records: ``measured 2026-11-24 at commit 4dcb2fbbbbc1``."""
    commits = ", ".join(sorted({commit_text(record.git) for record in records}))
    return f"measured {max(record.started_at for record in records):%Y-%m-%d} at commit {commits}"


def commit_text(git: Git) -> str:
    """Format a commit: ``4dcb2fbbbbc1``, ``4dcb2fbbbbc1 with uncommitted changes``."""
    return f"{(git.commit or 'unknown')[:12]}{' with uncommitted changes' if git.dirty else ''}"
