"""Snapshots of what a model holds: its tensors, and whatever else its layers keep in attributes.

A snapshot is plain data: two are equal if and only if nothing that can be looked into has changed. Tensors and arrays
are there by the hash of their bytes.
"""

import hashlib
import random
import types
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import torch
from torch import nn

_PLAIN = (types.NoneType, bool, int, float, complex, str, bytes, torch.dtype, torch.device)

_VALUES = {"Tensor", "Parameter", "Buffer", "ndarray"} | {kind.__name__ for kind in _PLAIN}

Snapshot = dict[str, Any]
"""By name, such as ``body.2.mean``."""

# the tensors have snapshots of their own; every layer is switched to evaluation and back; grad belongs to the optimizer
_SLOTS = frozenset(vars(nn.Module())) | {"_is_full_backward_hook"}


def tensors(model: nn.Module) -> Snapshot:
    """Take a snapshot of parameters and buffers, those too that are not in the state dict."""
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return {name: _tensor(tensor) for name, tensor in named}


def attributes(model: nn.Module) -> Snapshot:
    """Take a snapshot of all other attributes, at any depth."""
    return {
        f"{name}.{key}" if name else key: _Reader().of(value)
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if key not in _SLOTS
    }


def snapshot(model: nn.Module) -> Snapshot:
    """Take a snapshot of everything that the model holds."""
    return tensors(model) | attributes(model)


def generators() -> Snapshot:
    """Take a snapshot of Python's and numpy's global random generators."""
    return {"random": random.getstate(), "numpy.random": _Reader().of(np.random.get_state())}


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """List the names whose values differ, or that are in one of the two alone."""
    missing = object()
    return [name for name in sorted({*before, *after}) if before.get(name, missing) != after.get(name, missing)]


def changed_values(before: Snapshot, after: Snapshot) -> list[str]:
    """List as :func:`changed` does, of tensors, arrays and plain values alone: two models never hold the same hook."""
    return [name for name in changed(before, after) if _VALUES & {_kind(before.get(name)), _kind(after.get(name))}]


def in_words(names: Sequence[str], most: int = 4) -> str:
    """Join the first few names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _kind(entry: Any) -> str:
    return entry[0] if entry else ""


def _tensor(tensor: torch.Tensor) -> tuple[Any, ...]:
    if torch.nn.parameter.is_lazy(tensor):
        return ("not built yet",)
    about = "Tensor", str(tensor.dtype), tuple(tensor.shape)
    try:
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    except (RuntimeError, TypeError, NotImplementedError):  # sparse or quantised, say
        return (*about, id(tensor), tensor._version)
    return (*about, hashlib.blake2b(values.tobytes(), digest_size=16).hexdigest())


class _Reader:
    """Converts a value to plain data; a value that contains itself is named by where it was met first."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # an identity is only unique while its value lives

    def of(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return type(value).__name__, repr(value)
        if id(value) in self._met:
            return "met", self._met[id(value)]
        self._met[id(value)] = len(self._met)
        self._kept.append(value)
        return type(value).__name__, self._content(value)

    def _content(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return _tensor(value)
        if isinstance(value, np.ndarray) and value.dtype != object:
            return str(value.dtype), value.shape, hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()
        if isinstance(value, nn.Module):
            return tensors(value), {key: self.of(part) for key, part in vars(value).items() if key not in _SLOTS}
        if isinstance(value, random.Random):
            return value.getstate()
        if isinstance(value, torch.Generator):
            return _tensor(value.get_state())
        if isinstance(value, np.random.Generator | np.random.RandomState):
            return repr(value.__getstate__())
        return self._structure(value)

    def _structure(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return [(self.of(key), self.of(part)) for key, part in value.items()]
        if isinstance(value, Set):
            return sorted(repr(self.of(part)) for part in value)
        if isinstance(value, Sequence) or type(value).__name__ == "deque":
            return [self.of(part) for part in value]
        if isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
            return id(value.__code__), [self.of(part) for part in (*cells, value.__defaults__, value.__kwdefaults__)]
        if isinstance(value, types.MethodType):
            return self.of(value.__func__), self.of(value.__self__)
        if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType):
            return id(value)
        if hasattr(value, "__dict__"):
            return [(key, self.of(part)) for key, part in vars(value).items()]
        return id(value)  # an iterator, say: nobody can look into it
