"""Section on the measuring conditions: machine, versions, commit, recipe, data."""

from collections.abc import Sequence

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
    facts.append(("recipe", _recipe_text(comparison.runs[0])))
    facts += [(f"SHA-256 of {file}", sha) for file, sha in comparison.runs[0].data.sha256.items()]
    rows = [{"what": name, "value": value} for name, value in facts]
    return Section([Heading(3, "Conditions", anchor(slug, "conditions")), Table("conditions", rows)])


def hardware(run: Run) -> str:
    """Format the names of GPU and CPU, as far as recorded."""
    return ", ".join(str(run.environment[key]) for key in ("gpu_model", "cpu_model") if run.environment.get(key))


def _location_facts(location: str, runs: Sequence[Run]) -> list[tuple[str, str]]:
    newest = max(runs, key=lambda run: run.started_at)
    environment = newest.environment
    names = ("python", "torch", "torchvision", "numpy")
    libraries = [f"{name} {environment[name]}" for name in names if name in environment]
    facts = [
        (f"machine {location}", f"{hardware(newest)}, {newest.trial.threads} threads, {environment.get('os', '')}"),
        ("versions", ", ".join(libraries)),
        ("commit", ", ".join(sorted({commit_text(run.git) for run in runs}))),
        ("measured", f"{min(run.started_at for run in runs):%Y-%m-%d} to {newest.started_at:%Y-%m-%d}"),
    ]
    steps = _execution_text(runs)
    return [*facts, ("training steps", steps)] if steps else facts


def _execution_text(runs: Sequence[Run]) -> str:
    """Format the models by execution mode: ``captured: cnn, mlp; eager: mine (reason)``; empty where not recorded."""
    models: dict[tuple[str, str], set[str]] = {}
    for run in runs:
        if run.execution:
            models.setdefault((run.execution.mode, run.execution.reason), set()).add(run.trial.model)
    return "; ".join(
        f"{mode}: {', '.join(sorted(names))}{f' ({reason})' if reason else ''}"
        for (mode, reason), names in sorted(models.items())
    )


def _recipe_text(run: Run) -> str:
    trial = run.trial
    return (
        f"{trial.recipe}: {trial.optimizer} {trial.learning_rate:g}, batch {trial.batch_size}, "
        f"{trial.epochs} epochs, {trial.precision}, cross-entropy, {trial.train_size:,} training images"
    )
