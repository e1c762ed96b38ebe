"""What was typed -> a name, or a file with the way to import it."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.errors import UserError
from models import ModelSource
from models.registry import FOLDER, folder_sources


@dataclass(frozen=True)
class FileChoice:
    """A file as it was named, ``text`` in messages; ``name`` is of the one model in it that was asked for, if any."""

    text: str
    source: ModelSource
    name: str = ""


def parse_choice(choice: Any, written: Path) -> str | FileChoice:
    """Tell a model's name from a file, and from a class or function, of which the file is found or written.

    Args:
        written: the folder in which the source of a class or function of a notebook is kept.

    Raises:
        UserError: the file is not there or is none of Python, or it is neither of these things.
    """
    if isinstance(choice, Path):
        return _file_choice(str(choice), "")
    if not isinstance(choice, str):
        from bench.runner.discovery.objects import file_of_object

        file, name = file_of_object(choice, written)
        return FileChoice(name, file_source(file), name)
    path, separator, name = choice.rpartition(".py:")
    if separator:
        return _file_choice(f"{path}.py", name)
    return _file_choice(choice, "") if re.search(r"[/\\]|\.py$", choice) else choice


def _file_choice(text: str, name: str) -> FileChoice:
    file = Path(text).expanduser()
    if file.is_dir():
        raise UserError(f"{text} is a folder: name the file in it that has the model, as {text.rstrip('/')}/my_net.py")
    if not file.is_file():
        raise UserError(f"no such file: {text}")
    if file.suffix != ".py":
        raise UserError(f"{text} is no Python file: its name must end in .py")
    return FileChoice(text, file_source(file), name)


def file_source(file: Path) -> ModelSource:
    """Make the source of a file: imported as part of the package that it lies in, if any, else as a module alone."""
    file = file.resolve()
    for source in folder_sources():
        if source.file == file:
            return source
    root = file.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    parts = file.relative_to(root).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    taken = parts[0] in (FOLDER.name, "bench", *sys.stdlib_module_names)
    if root == file.parent or taken or not all(part.isidentifier() for part in parts):
        return ModelSource("", file, folder=file.parent)
    return ModelSource("", file, ".".join(parts), folder=root)
