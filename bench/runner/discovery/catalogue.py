"""The models of the folder ``models``, and its files that cannot be used."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bench.runner.discovery.contents import Contents, read_files
from bench.runner.workers.messages import Failure
from models import ModelSource
from models.registry import folder_sources


@dataclass
class Catalogue:
    """The models by name, and the reason for each file that cannot be used.

    A file that registers a name twice, or one that a file before it in the alphabet has, cannot be used either.
    """

    sources: dict[str, ModelSource] = field(default_factory=dict)
    controls: set[str] = field(default_factory=set)
    broken: dict[ModelSource, str] = field(default_factory=dict)

    @property
    def left_out(self) -> list[str]:
        """A line for each file that cannot be used."""
        return [f"{source.label} is left out: {reason}" for source, reason in self.broken.items()]

    def broken_with(self, name: str) -> ModelSource | None:
        """Find the file that cannot be used and seems to have the model of that name."""
        for source in self.broken:
            text = source.file.read_text(errors="replace")
            if source.module.endswith(f".{name}") or re.search(rf"^\s*(def|class)\s+{re.escape(name)}\b", text, re.M):
                return source
        return None


def read_catalogue() -> Catalogue:
    """Import every file of the folder, each in a process of its own."""
    files = folder_sources()
    return make_catalogue(zip(files, read_files(files), strict=True))


def make_catalogue(files: Iterable[tuple[ModelSource, Contents | Failure]]) -> Catalogue:
    """Make the catalogue of files, in alphabetical order, by what was found in each."""
    catalogue = Catalogue()
    usable = []
    for source, contents in files:
        if isinstance(contents, Failure):
            catalogue.broken[source] = contents.reason
        else:
            usable.append((source, contents))
    # A file has the models that it defines, then those that it registers for a file that registers nothing itself. A
    # file that imports another model's file registers that model in its own process too.
    for source, contents in usable:
        _enter(
            catalogue, source, contents, [name for name, where in contents.models.items() if where[1] == source.file]
        )
    for source, contents in usable:
        if source not in catalogue.broken:
            known = {name: origin.file for name, origin in catalogue.sources.items()}
            names = [name for name, (_, file) in contents.models.items() if file not in (source.file, known.get(name))]
            _enter(catalogue, source, contents, names)
    return catalogue


def _enter(catalogue: Catalogue, source: ModelSource, contents: Contents, names: list[str]) -> None:
    for name in names:
        if name in catalogue.sources:
            first = catalogue.sources[name].file.name
            catalogue.broken[source] = f"ValueError: model {name!r} is registered twice: {first} has it already"
            for own in [own for own, origin in catalogue.sources.items() if origin.file == source.file]:
                del catalogue.sources[own]
            return
    for name in names:
        catalogue.sources[name] = replace(source, name=name, others=contents.others)
        if contents.models[name][0]:
            catalogue.controls.add(name)
