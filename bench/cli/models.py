"""The command ``models``: every model that can be named, with its size; and what cannot be used, with the reason."""

from typing import Any

from bench.cli.output import print_rows
from bench.runner.discovery.catalogue import read_catalogue
from bench.runner.discovery.entry_points import installed_models, read_installed
from bench.runner.workers.isolated import call_isolated
from bench.runner.workers.messages import Failure
from models import ModelSource

BUILD_S = 30.0
"""Seconds that a model may take to be built and described."""


def print_models(as_json: bool) -> None:
    """Build every model, each in a process of its own, and print its parameters and FLOPs, or why there are none."""
    catalogue = read_catalogue()
    points = installed_models()
    sources, broken = list(catalogue.sources.values()), {s.label: reason for s, reason in catalogue.broken.items()}
    for point, found in zip(points.values(), read_installed(list(points.values())), strict=True):
        if isinstance(found, Failure):
            broken[f"{point.name} = {point.value}"] = found.reason
        else:
            sources += found
    sources.sort(key=lambda source: source.name)
    described = call_isolated(describe, sources, BUILD_S, "building it")
    rows = [_row(source, found) for source, found in zip(sources, described, strict=True)]
    rows += [_row(label, Failure(reason)) for label, reason in broken.items()]
    if not as_json and not any(row["problem"] for row in rows):
        for row in rows:
            del row["problem"]
    print_rows(rows, as_json)


def describe(source: ModelSource) -> tuple[int, int | None, str]:
    """Build a model in this process; gives its parameters, its FLOPs, and why these cannot be counted, if so.

    Raises:
        Exception: it cannot be built, for whatever reason.
    """
    from bench.training.model.flops import UncountedError, train_flops_per_image
    from models.registry import create_model, load_model

    load_model(source)
    model = create_model(source.name)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    try:
        return parameters, train_flops_per_image(model), ""
    except UncountedError as error:
        return parameters, None, f"its FLOPs cannot be counted: {error}"


def _row(source: ModelSource | str, found: tuple[int, int | None, str] | Failure) -> dict[str, Any]:
    parameters, flops, problem = (None, None, found.reason) if isinstance(found, Failure) else found
    return {
        "name": source.name if isinstance(source, ModelSource) else None,
        "parameters": parameters,
        "train_flops_per_image": flops,
        "source": source.label if isinstance(source, ModelSource) else source,
        "problem": problem,
    }
