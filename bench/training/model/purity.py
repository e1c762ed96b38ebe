"""Prove that a model's forward pass does nothing but compute, so that a recording of it may stand for it.

Steps are captured, and a model is called before training, only where that is proved: torch's own layers are known, a
forward pass of the user's own is read. Where it counts its calls, draws from Python's generator, or writes anything
down, a recording would repeat what the first calls did.
"""

import types
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from bench.training.model import known_safe
from bench.training.model.code_reader import CodeReader, ImpureError, is_of_torch

_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_forward_hooks_with_kwargs",
)  # fmt: skip
_GLOBAL_HOOKS = ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks",
                 "_global_backward_pre_hooks")  # fmt: skip
_SLOTS = frozenset(vars(nn.Module()))
_MEMBERS = (
    "__init__ __module__ __qualname__ __doc__ __annotations__ __dict__ __weakref__ __repr__ __constants__ __len__ "
    "__parameters__ __orig_bases__ __abstractmethods__ _abc_impl __static_attributes__ __firstlineno__ __annotate__ "
    "__annotate_func__ __annotations_cache__ extra_repr forward"
)
_HARMLESS = frozenset(_MEMBERS.split())
"""What a class may define of its own: its forward pass is read, the others are not called while it trains."""


def impurity(model: nn.Module) -> str | None:
    """Say why the forward pass may do more than compute; None where it is proved that it does not. Calls nothing."""
    reader = CodeReader()
    if any(getattr(torch_module, name, None) for name in _GLOBAL_HOOKS):
        return "there are hooks on all layers"
    for name, module in nn.Module.named_modules(model):
        try:
            _check_class(module, reader)
            _check_contents(module, reader)
        except ImpureError as reason:
            where = f"{type(module).__name__} {name}" if name else type(module).__name__
            return f"{where}: {reason}"
    return None


def _check_contents(module: nn.Module, reader: CodeReader) -> None:
    if any(getattr(module, name, None) for name in _HOOKS):
        raise ImpureError("it has hooks")
    for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
        _check_tensor(tensor)
    for name, value in vars(module).items():
        if name in _SLOTS:
            continue
        if isinstance(getattr(type(module), name, None), types.FunctionType):
            raise ImpureError(f"its {name} was replaced")
        if isinstance(value, torch.Tensor):
            _check_tensor(value)
        reader.check_value(value)


def _check_tensor(tensor: torch.Tensor) -> None:
    if torch.nn.parameter.is_lazy(tensor):
        raise ImpureError("it is built at its first call")
    if type(tensor) not in (torch.Tensor, nn.Parameter, nn.Buffer):
        raise ImpureError(f"it holds a {type(tensor).__name__}")
    if not tensor.is_leaf:
        raise ImpureError("it holds a tensor that is computed from others")
    if tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None):
        raise ImpureError("a parameter has hooks")


def _check_class(module: nn.Module, reader: CodeReader) -> None:
    if type(module) in known_safe.LAYERS:
        return
    if type(type(module)) is not type:
        raise ImpureError("its class is not an ordinary one")
    own = []
    for base in type(module).__mro__:
        if base in known_safe.LAYERS or base is nn.Module:
            break
        if is_of_torch(base):
            raise ImpureError(f"torch's {base.__name__} is not known to do nothing else")
        own.append(base)
    for base in own:
        for name, value in vars(base).items():
            _check_member(name, value, module, reader)
    forward = type(module).forward
    if not is_of_torch(forward):
        reader.read(forward, module)


def _check_member(name: str, value: Any, module: nn.Module, reader: CodeReader) -> None:
    """Check what a class defines: nothing that changes how a layer is called, switched or stored."""
    if name in _HARMLESS:
        return
    if name in vars(nn.Module) or (name.startswith("__") and name.endswith("__")):
        raise ImpureError(f"its class has its own {name}")
    # code may reach it without naming the layer: through a list of layers, or through torch's own forward pass
    inherited = any(name in vars(base) for base in known_safe.LAYERS if isinstance(module, base))
    if isinstance(value, types.FunctionType) and (inherited or name in known_safe.TENSOR_NAMES):
        reader.read(value, module)
    elif isinstance(value, property) and (inherited or name in known_safe.TENSOR_NAMES):
        reader.read(value.fget, module)
