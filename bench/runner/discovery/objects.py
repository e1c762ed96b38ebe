"""A class or function -> the file that a worker can import it from."""

import hashlib
import sys
from pathlib import Path
from typing import Any

from torch import nn

from bench.common.atomic import write_atomically
from bench.common.errors import UserError
from bench.runner.discovery.notebook import write_module
from models.registry import check_name


def file_of_object(value: Any, written: Path) -> tuple[Path, str]:
    """Find the file that has the class or function, or write one for what stands in a notebook or a script.

    Args:
        written: the folder of the files that are written.

    Returns:
        The file, and the name in it.

    Raises:
        UserError: it is neither, it is defined inside another one, or it uses what cannot be written to a file.
    """
    if isinstance(value, nn.Module):
        raise UserError(f"a {type(value).__name__} was given: give its class, or a function that makes it")
    name, module = getattr(value, "__name__", None), sys.modules.get(getattr(value, "__module__", None) or "")
    if not callable(value) or not isinstance(name, str):
        raise UserError(f"{value!r} is no model: give a name, a file, a class or a function")
    if value.__qualname__ != name:
        raise UserError(f"{value.__qualname__} is defined inside another: define it at the top level of the notebook")
    try:
        check_name(name)
    except ValueError as error:
        raise UserError(str(error)) from error
    if module is None or module.__name__ == "__main__" or getattr(module, "__file__", None) is None:
        return _write(name, write_module(value), written), name
    if getattr(module, name, None) is not value:
        raise UserError(f"{name!r} of the module {module.__name__} is not what was given: define it under its own name")
    return Path(str(module.__file__)), name


def _write(name: str, text: str, folder: Path) -> Path:
    """Write the source to a file that is called like the model, in a folder that is called by its content."""
    file = folder / hashlib.sha256(text.encode()).hexdigest()[:16] / f"{name}.py"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text)
    except OSError as error:
        raise UserError(
            f"cannot write {file}: {error.strerror}; name a writable folder with data_dir or MNIST_BENCH_DATA"
        ) from error
    return file
