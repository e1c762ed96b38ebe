"""Models of installed packages: their entry points in the group ``mnist_bench.models``.

An entry point names a class or function that makes a model, or a module that registers models. It is imported only
where it is asked for, in a process of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from bench.runner.discovery.contents import Contents, read_files
from bench.runner.workers.messages import Failure
from models import ModelSource
from models.registry import FOLDER, check_name

GROUP = "mnist_bench.models"


def installed_models() -> dict[str, EntryPoint]:
    """List the entry points by name; of several with one name the first package in the alphabet has it."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.dist.name if point.dist else "", point.name))
    return {point.name: point for point in reversed(points)}


def read_installed(points: Sequence[EntryPoint]) -> list[list[ModelSource] | Failure]:
    """Import entry points, each in a process of its own; gives the models of each, or why there are none."""
    sources = [ModelSource(point.name, Path(point.module), point.module) for point in points]
    return [
        contents if isinstance(contents, Failure) else _models_of(point, source, contents)
        for point, source, contents in zip(points, sources, read_files(sources), strict=True)
    ]


def _models_of(point: EntryPoint, source: ModelSource, contents: Contents) -> list[ModelSource] | Failure:
    source = replace(source, file=contents.file, others=contents.others)
    if point.attr:
        try:
            check_name(point.name)
        except ValueError as error:
            return Failure(str(error))
        if point.attr not in contents.callables:
            return Failure(f"{point.module} has no class or function {point.attr!r}")
        return [replace(source, attribute=point.attr)]
    names = [name for name, (_, file) in contents.models.items() if FOLDER not in file.parents]
    if point.name in names:
        return [source]
    return [replace(source, name=name) for name in names] or Failure(f"{point.module} registers no model")
