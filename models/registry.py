"""Registry of the models. The name of the registered function is the name of the model, everywhere.

A model's file may do anything when it is imported, so none is before one of its models is asked for. What a file sets
for the whole process (the default dtype, threads, seeds, …) is set back after its import, for its own models too.
"""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

ModelFactory = Callable[..., nn.Module]
FOLDER = Path(__file__).resolve().parent
PREFIX = f"{__package__}."


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from: what a process has to import to make it. Can be sent to another process.

    ``module`` is imported, from ``folder`` if that is given; without a module ``file`` itself is run. ``attribute`` is
    the class or function in it that makes the model; without one it is what is registered as ``name``. ``others`` are
    further files that are part of the model, and ``fingerprint`` is that of all its files when the model was chosen.
    """

    name: str
    file: Path
    module: str = ""
    folder: Path | None = None
    attribute: str = ""
    others: tuple[Path, ...] = ()
    fingerprint: str = ""

    @property
    def label(self) -> str:
        """Name of the file in messages, without a path of this machine."""
        if self.module.startswith(PREFIX):
            return f"models/{self.file.relative_to(FOLDER).as_posix()}"
        return self.module or self.file.name


class ModelFileError(Exception):
    """A model's file cannot be imported, or lacks the model. One line; ``reason`` is it without the file's name."""

    def __init__(self, source: ModelSource, reason: str, action: str = "") -> None:
        super().__init__(f"{source.label} {action}{reason}")
        self.reason = reason


_FACTORIES: dict[str, ModelFactory] = {}
_CONTROLS: set[str] = set()
_LOADED: dict[str, tuple[Path, str]] = {}  # file of each model that came by load_model, its SHA-256 at that time
_REASONS: dict[str, str] = {}  # files of this folder that have been imported, and why one could not be, or nothing


def register_control(factory: ModelFactory) -> ModelFactory:
    """Register a control: a model that checks a claim about another, trained by default only in the suite `full`."""
    register_model(factory)
    _CONTROLS.add(factory.__name__)
    return factory


def register_model(factory: ModelFactory) -> ModelFactory:
    """Register ``factory``, a function or a class, under its own name.

    It gives a module that maps float images of shape ``(N, 1, 28, 28)`` to logits of shape ``(N, num_classes)``, and
    is called with ``num_classes`` if it takes that.

    Raises:
        ValueError: a model of that name is already registered, or the name cannot stand in a file name.
    """
    name = getattr(factory, "__name__", repr(factory))
    check_name(name)
    # a notebook's cell that is executed again defines its model anew
    if name in _FACTORIES and not factory.__module__ == _FACTORIES[name].__module__ == "__main__":
        raise ValueError(f"model {name!r} is registered twice: {model_source(name).name} has it already")
    _FACTORIES[name] = factory
    return factory


def check_name(name: str) -> None:
    """Check that a model may be called so.

    Raises:
        ValueError: the name cannot stand in a file name.
    """
    if not re.fullmatch(r"[A-Za-z0-9]\w{0,79}", name, re.ASCII):
        raise ValueError(f"model {name!r}: a name is up to 80 of A-Z, a-z, 0-9 and _, and does not begin with _")


def registered_models() -> dict[str, bool]:
    """The models that are registered by now, and whether each is a control. Imports no file."""
    return {name: name in _CONTROLS for name in _FACTORIES}


def list_models(controls: bool = True) -> list[str]:
    """List the names of all registered models in alphabetical order, with or without the controls."""
    _import_once(folder_sources())
    return sorted(name for name in _FACTORIES if controls or name not in _CONTROLS)


def broken_models() -> dict[str, str]:
    """Find the files of this folder that cannot be imported: the reason of each, in one line, by its file's name."""
    _import_once(folder_sources())
    return {label.removeprefix("models/"): reason for label, reason in _REASONS.items() if reason}


def create_model(name: str, num_classes: int = 10) -> nn.Module:
    """Create a model with weights drawn from torch's global random generator.

    Raises:
        KeyError: no model of that name is registered.
        TypeError: its factory gives something else than a module.
    """
    factory = _factory(name)
    with _kept_globals(generators=False):
        model: object = factory(num_classes=num_classes) if _takes_num_classes(factory) else factory()
    if not isinstance(model, nn.Module):
        what = f"the class {model.__name__} itself" if isinstance(model, type) else f"a {type(model).__name__}"
        raise TypeError(f"model {name!r} gives {what}: it must give an instance of torch.nn.Module")
    return model


def model_source(name: str) -> Path:
    """Find the file that defines the model.

    Raises:
        KeyError: no model of that name is registered.
    """
    factory = inspect.unwrap(_factory(name))
    if name in _LOADED:
        return _LOADED[name][0]
    return Path(inspect.getfile(factory if inspect.isroutine(factory) or isinstance(factory, type) else type(factory)))


def source_sha256(name: str) -> str:
    """Compute the SHA-256 of the file that defines the model, as it was when the model was loaded.

    Raises:
        KeyError: no model of that name is registered.
    """
    return _LOADED[name][1] if name in _LOADED else hashlib.sha256(model_source(name).read_bytes()).hexdigest()


def folder_sources() -> list[ModelSource]:
    """List the files of this folder in alphabetical order, as sources of models without a name. Imports none."""
    files = {
        PREFIX + module.name: FOLDER / module.name / "__init__.py" if module.ispkg else FOLDER / f"{module.name}.py"
        for module in pkgutil.iter_modules([str(FOLDER)])
    }
    return [ModelSource("", file, module) for module, file in sorted(files.items()) if module != __name__]


def load_model(source: ModelSource) -> Path:
    """Import a model's file, and none of another model; from then on :func:`create_model` knows it by its name.

    Returns:
        The file that was imported: on another machine a module lies elsewhere.

    Raises:
        ModelFileError: the file cannot be imported, or has no such model.
    """
    module = import_source(source)
    if source.attribute:
        factory = getattr(module, source.attribute, None)
        if not callable(factory):
            raise ModelFileError(source, f"has no class or function {source.attribute!r}")
        _FACTORIES[source.name] = factory
    elif source.name not in _FACTORIES:
        raise ModelFileError(source, f"registers no model {source.name!r}")
    file = Path(module.__file__ or source.file)
    _LOADED[source.name] = file, hashlib.sha256(file.read_bytes()).hexdigest()
    return file


def import_source(source: ModelSource) -> ModuleType:
    """Import a model's file; where that fails, what it has registered by then is forgotten.

    Raises:
        ModelFileError: it cannot be imported, whatever it raises.
    """
    before = dict(_FACTORIES), set(_CONTROLS), set(sys.modules)
    if source.folder and str(source.folder) not in sys.path:
        sys.path.insert(0, str(source.folder))
    try:
        with _kept_globals(generators=True):
            return importlib.import_module(source.module) if source.module else _run_file(source.file)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _FACTORIES.clear()
        _FACTORIES.update(before[0])
        _CONTROLS.intersection_update(before[1])
        # other models' files that it imported register their models again when it is their turn
        for name in sys.modules.keys() - before[2]:
            if name.startswith(PREFIX):
                del sys.modules[name]
        raise ModelFileError(source, describe_error(error), "cannot be imported: ") from error


def describe_error(error: BaseException) -> str:
    """The error's kind and text in one line, also of one that cannot say what it is."""
    try:
        text = str(error)
    except BaseException:
        text = "<exception str() failed>"
    return " ".join(f"{type(error).__name__}: {text}".split()).removesuffix(":")


def _run_file(file: Path) -> ModuleType:
    """Run a file as a module that is called like it, or not quite where another module has that name."""
    taken = file.stem in sys.modules or file.stem in sys.stdlib_module_names
    name = f"model_file_{file.stem}" if taken else file.stem
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _factory(name: str) -> ModelFactory:
    files = folder_sources() if name not in _FACTORIES else []
    for source in sorted(files, key=lambda source: source.module != PREFIX + name):  # first the file that is called so
        if name not in _FACTORIES:
            _import_once([source])
    return _FACTORIES[name]


def _import_once(sources: Iterable[ModelSource]) -> None:
    for source in sources:
        if source.label not in _REASONS:
            _REASONS[source.label] = ""  # already now: the file may ask for other models while it is imported
            try:
                import_source(source)
            except ModelFileError as error:
                _REASONS[source.label] = error.reason


def _takes_num_classes(factory: ModelFactory) -> bool:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # no signature, as of some that are written in C
        return True
    return "num_classes" in parameters or any(item.kind is item.VAR_KEYWORD for item in parameters.values())


@contextlib.contextmanager
def _kept_globals(generators: bool) -> Iterator[None]:
    """Set back afterwards what the body sets for the whole process; the random generators too, if asked to."""
    values, device = [read() for read, _ in _SETTINGS], torch.get_default_device()
    flags = [(owner, name, getattr(owner, name)) for owner, name in _FLAGS]
    drawn = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        for (read, write), value in zip(_SETTINGS, values, strict=True):
            if read() != value:
                write(value)
        for owner, name, value in flags:
            if getattr(owner, name) != value:
                setattr(owner, name, value)
        torch.set_default_device(None if device.type == "cpu" else device)  # None: torch intercepts no calls for it
        if generators:
            random.setstate(drawn[0])
            np.random.set_state(drawn[1])
            torch.set_rng_state(drawn[2])


_SETTINGS: list[tuple[Callable[[], Any], Callable[[Any], object]]] = [
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (os.getcwd, os.chdir),
]
_BACKENDS: Any = torch.backends
_FLAGS = [
    *((_BACKENDS.cudnn, name) for name in ("enabled", "benchmark", "deterministic")),
    *((owner.conv, "fp32_precision") for owner in (_BACKENDS.cudnn, _BACKENDS.mkldnn)),
    *((owner.matmul, "fp32_precision") for owner in (_BACKENDS.cuda, _BACKENDS.mkldnn)),
]
"""With the precision of matrix products: ``torch.set_float32_matmul_precision`` sets it for the CPU as well."""
