"""Section on the measuring conditions: machine, versions, commit, recipe, data."""

from collections.abc import Iterable, Sequence

from bench.analysis.groups import ConditionResults
from bench.records.schema import Run
from bench.report.elements.blocks import Heading, Table, anchor
from bench.report.elements.formatting import commit_text
from bench.report.elements.section import Section


def section(slug: str, comparison: ConditionResults) -> Section:
    """Build the section: a table of two columns."""
    facts: list[tuple[str, str]] = []
    for location in comparison.locations:
        facts += _location_facts(location, [run for group in comparison.at(location) for run in group.runs])
    if comparison.condition.arm:
        facts += [(f"recipe of {group.model}", _recipe_text(group.runs[-1])) for group in comparison.groups]
    else:
        facts.append(("recipe", _recipe_text(comparison.runs[0])))
    facts += [(f"SHA-256 of {file}", sha) for file, sha in comparison.runs[0].data.sha256.items()]
    rows = [{"what": name, "value": value} for name, value in facts]
    return Section([Heading(3, "Conditions", anchor(slug, "conditions")), Table("conditions", rows)])


def hardware(run: Run) -> str:
    """Format the run's system, or the names of GPU and CPU in records of before, as far as they have them."""
    if run.machine.system:
        return run.machine.system.words
    return ", ".join(str(run.environment[key]) for key in ("gpu_model", "cpu_model") if run.environment.get(key))


def left_out(run: Run) -> list[tuple[str, str]]:
    """List the optional parts of training that the run did without, each with the reason."""
    parts = run.execution.left_out if run.execution else {}
    return [(part.replace("_", " "), reason) for part, reason in parts.items()]


def _location_facts(location: str, runs: Sequence[Run]) -> list[tuple[str, str]]:
    newest = max(runs, key=lambda run: run.started_at)
    environment = newest.environment
    names = ("python", "torch", "torchvision", "numpy")
    libraries = [f"{name} {environment[name]}" for name in names if name in environment]
    facts = [
        (f"system {location}", f"{hardware(newest)}, {newest.trial.threads} threads, {environment.get('os', '')}"),
        ("versions", ", ".join(libraries)),
        ("commit", ", ".join(sorted({commit_text(run.git) for run in runs}))),
        ("measured", f"{min(run.started_at for run in runs):%Y-%m-%d} to {newest.started_at:%Y-%m-%d}"),
    ]
    steps = {"training steps": _execution_text(runs), "left out": _left_out_text(runs)}
    return [*facts, *((name, text) for name, text in steps.items() if text)]


def _execution_text(runs: Sequence[Run]) -> str:
    """Format the models by execution mode: ``captured: cnn, mlp; eager: mine (reason)``; empty where not recorded."""
    return _models_by_reason(
        ((run.execution.mode, run.execution.reason), run.trial.model) for run in runs if run.execution
    )


def _left_out_text(runs: Sequence[Run]) -> str:
    """Format the models by what they did without: ``channels last: mine (reason)``; empty where nothing was."""
    return _models_by_reason((part, run.trial.model) for run in runs for part in left_out(run))


def _models_by_reason(models: Iterable[tuple[tuple[str, str], str]]) -> str:
    """Join models under what holds for them, a word and its reason: ``captured: cnn, mlp; eager: mine (reason)``."""
    by_reason: dict[tuple[str, str], set[str]] = {}
    for word_and_reason, model in models:
        by_reason.setdefault(word_and_reason, set()).add(model)
    return "; ".join(
        f"{word}: {', '.join(sorted(names))}{f' ({reason})' if reason else ''}"
        for (word, reason), names in sorted(by_reason.items())
    )


def _recipe_text(run: Run) -> str:
    trial = run.trial
    return (
        f"{trial.recipe}: {trial.optimizer} {trial.learning_rate:g}, batch {trial.batch_size}, "
        f"{trial.epochs:g} epochs, {trial.precision}, cross-entropy, {trial.train_size:,} training images"
        f"{f', {trial.details}' if trial.details else ''}"
    )
