"""The models in a file, found by importing it. Runs in a process of its own, which ends afterwards."""

import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bench.common.package import PACKAGE
from bench.runner.workers.isolated import call_isolated
from bench.runner.workers.messages import Failure
from models import ModelSource
from models.registry import import_source, model_source, registered_models

IMPORT_S = 30.0
"""Seconds that a model's file may take to be imported."""


@dataclass(frozen=True)
class Contents:
    """The contents of a file.

    ``models`` are those that are registered after its import, each with whether it is a control and the file that
    defines it, which may be another one. ``makers`` are its classes and functions, ``callables`` also those that it
    imports. ``others`` are files of no installed package that it imported.
    """

    file: Path
    models: dict[str, tuple[bool, Path]]
    makers: tuple[str, ...]
    callables: frozenset[str]
    others: tuple[Path, ...]


def read_files(sources: list[ModelSource]) -> list[Contents | Failure]:
    """Import each file in a process of its own; gives their contents, or why one has none, in order."""
    return call_isolated(read_contents, sources, IMPORT_S, "its import")


def read_contents(source: ModelSource) -> Contents:
    """Import a file in this process and describe it.

    Raises:
        ModelFileError: it cannot be imported.
    """
    before = dict(sys.modules)
    module = import_source(source)
    names = {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("_")}
    return Contents(
        file=Path(module.__file__ or source.file),
        models={name: (control, model_source(name)) for name, control in registered_models().items()},
        makers=tuple(name for name, value in names.items() if getattr(value, "__module__", "") == module.__name__),
        callables=frozenset(names),
        others=_others({name: new for name, new in sys.modules.items() if name not in before and new is not module}),
    )


def _others(modules: dict[str, ModuleType]) -> tuple[Path, ...]:
    """Find the files of modules that belong to nothing that is installed, and so can be edited at any time."""
    files = {Path(file).resolve() for module in modules.values() if (file := getattr(module, "__file__", None))}
    standard = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    return tuple(
        sorted(
            file
            for file in files
            if not {"site-packages", "dist-packages"}.intersection(file.parts)
            and not any(file.is_relative_to(folder) for folder in (*standard, PACKAGE))
        )
    )
