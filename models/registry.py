"""Registry of the models. The name of the registered function is the name of the model, everywhere."""

import hashlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

from torch import nn

ModelFactory = Callable[..., nn.Module]

_FACTORIES: dict[str, ModelFactory] = {}


_CONTROLS: set[str] = set()


def register_control(factory: ModelFactory) -> ModelFactory:
    """Register a control: a model that checks a claim about another, trained by default only in the suite `full`.

    Raises:
        ValueError: see :func:`register_model`.
    """
    register_model(factory)
    _CONTROLS.add(factory.__name__)
    return factory


def register_model(factory: ModelFactory) -> ModelFactory:
    """Register ``factory`` under its own name.

    The factory takes ``num_classes`` and returns a module that maps float images of shape
    ``(N, 1, 28, 28)`` to logits of shape ``(N, num_classes)``.

    Raises:
        ValueError: a model of that name is already registered, or the name cannot stand in a file name.
    """
    name = factory.__name__
    if not re.fullmatch(r"[A-Za-z0-9]\w{0,79}", name, re.ASCII):
        raise ValueError(f"model {name!r}: a name is up to 80 of A-Z, a-z, 0-9 and _, and does not begin with _")
    if name in _FACTORIES:
        raise ValueError(f"model {name!r} is registered twice: {model_source(name).name} has it already")
    _FACTORIES[name] = factory
    return factory


def list_models(controls: bool = True) -> list[str]:
    """List the names of all registered models in alphabetical order, with or without the controls."""
    return sorted(name for name in _FACTORIES if controls or name not in _CONTROLS)


def create_model(name: str, num_classes: int = 10) -> nn.Module:
    """Create a model with weights drawn from torch's global random generator.

    Raises:
        KeyError: no model of that name is registered.
    """
    return _FACTORIES[name](num_classes=num_classes)


def model_source(name: str) -> Path:
    """Find the file that defines the model.

    Raises:
        KeyError: no model of that name is registered.
    """
    return Path(inspect.getfile(inspect.unwrap(_FACTORIES[name])))


def source_sha256(name: str) -> str:
    """Compute the SHA-256 of the file that defines the model.

    Raises:
        KeyError: no model of that name is registered.
    """
    return hashlib.sha256(model_source(name).read_bytes()).hexdigest()
