"""Regression gates: how much worse a metric may get before the comparison fails."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.compare.changes import FAILING, FIXED, MEANINGS, SAME_RECORDS, Change
from bench.analysis.compare.matching import ONLY_IN_BASE, ONLY_IN_NEW
from bench.analysis.metrics import METRICS
from bench.common.errors import UserError, unknown_name

_GATE = re.compile(r"(?:(?P<model>\w+)\.)?(?P<metric>\w+):(?P<number>\d+(?:\.\d+)?)(?P<unit>pp|%)")


@dataclass(frozen=True)
class Gate:
    """A limit on a metric's worsening: ``test_accuracy:0.3pp`` for every model, ``cnn.epoch_s:15%`` for one.

    ``threshold`` is in the unit in which the metric counts changes.
    """

    text: str
    model: str | None
    metric: str
    threshold: float


@dataclass(frozen=True)
class GateResults:
    """Result of all gates: one line per regression, and warnings about what could not be judged well.

    ``idle`` says why no gate had anything to judge; it is empty where one had, and where none was given.
    """

    regressions: list[str]
    warnings: list[str]
    idle: str = ""


def parse_gate(text: str) -> Gate:
    """Parse one ``--fail`` option.

    Raises:
        UserError: it is not of the form, names no metric, or its unit is not the metric's.
    """
    parts = _GATE.fullmatch(text)
    if not parts:
        raise UserError(f"--fail {text!r} is no gate: write [MODEL.]METRIC:NUMBER with pp or %, as test_accuracy:0.3pp")
    metric = METRICS.get(parts["metric"])
    if metric is None:
        raise unknown_name("metric", parts["metric"], METRICS)
    unit = "%" if metric.relative else "pp"
    if parts["unit"] != unit:
        raise UserError(f"--fail {text}: {metric.name} is gated in {unit}, as {metric.name}:{parts['number']}{unit}")
    return Gate(text, parts["model"], metric.name, float(parts["number"]) / 100)


def apply_gates(changes: Sequence[Change], gates: Sequence[Gate]) -> GateResults:
    """Check every change against its gate: the one for its model if there is one, else the one for all.

    Raises:
        UserError: a gate is tighter than the noise floor it would judge, or names a model that neither side has.
    """
    _check_models(changes, gates)
    judged = [(change, gate) for change in changes if (gate := _gate_for(change, gates))]
    for change, gate in judged:
        _check_floor(change, gate)
    regressions = [_fired(change, gate) for change, gate in judged if change.worsening > gate.threshold]
    regressions += [
        f"{change.key.model} fails now: {change.note}"
        for change in changes
        if change.mark == FAILING and any(gate.model in (None, change.key.model) for gate in gates)
    ]
    known = [(change, gate) for change, gate in judged if not _tells_nothing(change)]
    if gates and not known and not regressions:
        return GateResults([], [], idle=_reason(changes, gates) or "no run was finished")
    return GateResults(regressions, _warnings(changes, gates, known))


def _gate_for(change: Change, gates: Sequence[Gate]) -> Gate | None:
    of_metric = [gate for gate in gates if gate.metric == change.metric]
    own = [gate for gate in of_metric if gate.model == change.key.model]
    return next(reversed(own or [gate for gate in of_metric if gate.model is None]), None)


def _check_models(changes: Sequence[Change], gates: Sequence[Gate]) -> None:
    models = {change.key.model for change in changes}
    for gate in gates:
        if gate.model is not None and gate.model not in models:
            raise unknown_name("model", gate.model, models)


def _check_floor(change: Change, gate: Gate) -> None:
    if change.floor and gate.threshold < change.floor.change:
        floor = METRICS[change.metric].amount(change.floor.change)
        raise UserError(
            f"gate {gate.text} is tighter than the noise floor of {change.name}: on {change.key.location} "
            f"{change.floor.repeats} repeats of the same trial differed by {floor}; choose more than that"
        )


def _fired(change: Change, gate: Gate) -> str:
    certainty = "significance unknown" if math.isnan(change.p_value) else f"p {change.p_value:.3g}"
    floor = METRICS[change.metric].amount(change.floor.change) if change.floor else "unknown"
    worse = METRICS[change.metric].amount(change.worsening)
    return f"{change.name} is worse by {worse}, gate {gate.text} ({certainty}, noise floor {floor})"


def _warnings(changes: Sequence[Change], gates: Sequence[Gate], known: Sequence[tuple[Change, Gate]]) -> list[str]:
    no_floor = sorted({change.name for change, _ in known if not change.floor})
    used = {gate.text for _, gate in known}
    idle = dict.fromkeys(gate for gate in gates if gate.text not in used)
    lines = [f"noise floor unknown for {', '.join(no_floor)}: 'make noise' measures it"] if no_floor else []
    for gate in idle:
        reason = _reason(changes, [gate])
        lines.append(f"nothing to judge for {gate.text}{f' ({reason})' if reason else ''}")
    return lines


def _tells_nothing(change: Change) -> bool:
    return math.isnan(change.change) or change.same


def _reason(changes: Sequence[Change], gates: Sequence[Gate]) -> str:
    """The most telling reason why gates have nothing to judge: a difference first, and of these that of most lines."""
    models: dict[str, list[str]] = {}
    for change in changes:
        unjudged = _tells_nothing(change) and change.mark != FAILING  # which breaks its gate
        if unjudged and any(_concerns(gate, change) for gate in gates):
            reason = SAME_RECORDS if change.same else change.note
            reason = f"{MEANINGS[FIXED]}, {reason}" if change.mark == FIXED else reason
            models.setdefault(reason, []).append(change.key.model)
    if not models:
        return ""
    plain = (ONLY_IN_BASE, SAME_RECORDS, ONLY_IN_NEW)
    rank = {reason: plain.index(reason) if reason in plain else len(plain) for reason in models}
    reason = max(models, key=lambda reason: (rank[reason], len(models[reason])))
    more = len(models) - 1
    others = f"; and {more} other reason{'s' if more > 1 else ''}, see the table" if more else ""
    return f"{', '.join(dict.fromkeys(models[reason]))}: {reason}{others}"


def _concerns(gate: Gate, change: Change) -> bool:
    return gate.model in (None, change.key.model) and change.metric in (gate.metric, "all", "status")
