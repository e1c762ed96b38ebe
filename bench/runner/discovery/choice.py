"""What was named -> where the models come from, each checked by importing its file in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.common.errors import UserError, unknown_name
from bench.runner.cache_key import source_fingerprint
from bench.runner.discovery.catalogue import Catalogue, make_catalogue
from bench.runner.discovery.contents import Contents, read_files
from bench.runner.discovery.entry_points import installed_models, read_installed
from bench.runner.discovery.files import FileChoice, parse_choice
from bench.runner.workers.messages import Failure
from models import ModelSource
from models.registry import FOLDER, check_name, folder_sources


@dataclass
class Selection:
    """The chosen models by name, in the order in which they were named, and a line for each file that is left out."""

    sources: dict[str, ModelSource] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, source: ModelSource, catalogue: Catalogue) -> None:
        """Add a model.

        Raises:
            UserError: it has the name of another one.
        """
        for other in (self.sources.get(source.name), catalogue.sources.get(source.name)):
            if other and (other.file, other.attribute) != (source.file, source.attribute):
                raise UserError(
                    f"{source.label} has a model {source.name!r}, and so has {other.label}: give it another name"
                )
        self.sources[source.name] = source

    @property
    def brought(self) -> dict[str, bytes]:
        """The content of the file of each model that was brought from elsewhere than ``models`` or a package."""
        brought = (source for source in self.sources.values() if source.folder or not source.module)
        return {source.name: source.file.read_bytes() for source in brought}


def select_models(choices: Sequence[Any], controls: bool, written: Path) -> Selection:
    """Find the models that were named; where none is, those of the folder ``models``, the controls only if asked for.

    Args:
        choices: names, files (``./my_net.py``, or ``./my_net.py:my_net`` for one model in it), classes and functions.
        written: the folder in which the source of a class or function of a notebook is kept.

    Raises:
        UserError: one is not there, cannot be used, or has the name of another.
    """
    parsed = [parse_choice(choice, written) for choice in choices]
    files = [choice for choice in parsed if isinstance(choice, FileChoice)]
    folder = folder_sources()
    contents = read_files([*folder, *(choice.source for choice in files)])
    catalogue = make_catalogue(zip(folder, contents, strict=False))
    found = dict(zip(files, contents[len(folder) :], strict=True))
    selection = Selection(left_out=catalogue.left_out)
    for choice in parsed:
        sources = _in_file(choice, found[choice]) if isinstance(choice, FileChoice) else _named(choice, catalogue)
        for source in sources:
            selection.add(source, catalogue)
    if not choices:
        selection.sources = {
            name: source
            for name, source in sorted(catalogue.sources.items())
            if controls or name not in catalogue.controls
        }
    if not selection.sources:
        raise UserError(
            "; ".join(["no model is left to train: the folder models has none that can be used", *selection.left_out])
        )
    for name, source in selection.sources.items():
        selection.sources[name] = replace(source, fingerprint=source_fingerprint(source))
    return selection


def _named(name: str, catalogue: Catalogue) -> list[ModelSource]:
    if name in catalogue.sources:
        return [catalogue.sources[name]]
    if broken := catalogue.broken_with(name):
        raise UserError(f"model {name!r} cannot be used: {broken.label}: {catalogue.broken[broken]}")
    installed = installed_models()
    if name in installed:
        (sources,) = read_installed([installed[name]])
        if isinstance(sources, Failure):
            raise UserError(f"model {name!r} cannot be used: entry point {installed[name].value}: {sources.reason}")
        return sources
    raise unknown_name("model", name, [*catalogue.sources, *installed])


def _in_file(choice: FileChoice, contents: Contents | Failure) -> list[ModelSource]:
    """The models of a file that was named: all that it registers, or the one that was named with it."""
    if isinstance(contents, Failure):
        raise UserError(f"{choice.text} cannot be used: {contents.reason}")
    file = choice.source.file
    if contents.file.resolve() != file:
        raise UserError(f"{choice.text} cannot be used: {choice.source.module} is imported from another file")
    source = replace(choice.source, others=contents.others)
    # a file that imports one of the folder's has the models of that registered, too
    registered = [
        name for name, (_, origin) in contents.models.items() if origin == file or FOLDER not in origin.parents
    ]
    if not choice.name:
        if not registered:
            raise UserError(_nothing_registered(choice, contents))
        return [replace(source, name=name) for name in registered]
    if choice.name in registered:
        return [replace(source, name=choice.name)]
    if choice.name not in contents.callables:
        raise unknown_name(f"model in {choice.text}", choice.name, {*registered, *contents.makers})
    try:
        check_name(choice.name)
    except ValueError as error:
        raise UserError(str(error)) from error
    return [replace(source, name=choice.name, attribute=choice.name)]


def _nothing_registered(choice: FileChoice, contents: Contents) -> str:
    makers = " or ".join(f"{choice.text}:{name}" for name in contents.makers[:3])
    advice = "put @register_model (from models.registry) before the function or class that makes the model"
    return f"{choice.text} registers no model: {advice}{f', or name it: {makers}' if makers else ''}"
