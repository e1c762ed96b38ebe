"""Regression gates: how much worse a metric may get before the comparison fails."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.compare.changes import FAILING, Change
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
    """Result of all gates: one line per regression, and warnings about what could not be judged well."""

    regressions: list[str]
    warnings: list[str]


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
    return GateResults(regressions, _warnings(changes, gates, judged))


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


def _warnings(changes: Sequence[Change], gates: Sequence[Gate], judged: Sequence[tuple[Change, Gate]]) -> list[str]:
    known = [change for change, _ in judged if not math.isnan(change.change)]
    no_floor = sorted({change.name for change in known if not change.floor})
    used = {gate.text for change, gate in judged if not math.isnan(change.change)}
    idle = [gate.text for gate in gates if gate.text not in used]
    lines = []
    if no_floor and changes:
        lines.append(f"noise floor unknown for {', '.join(no_floor)}: 'make noise' measures it")
    if idle:
        lines.append(f"nothing to judge for {', '.join(idle)}")
    return lines
