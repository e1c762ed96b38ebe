"""Read the code of a layer's forward pass: does it do anything but compute?

Everything it may do is listed here and in :mod:`known_safe`; whatever else it does, or what cannot be read, is a reason
against it. So the reader may be wrong about innocent code, never about code that keeps count, draws from another
generator, or remembers something.
"""

import ast
import builtins
import functools
import inspect
import textwrap
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench.training.model import known_safe

_STATEMENTS = (
    ast.FunctionDef, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.If, ast.With,
    ast.withitem, ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.Assert, ast.Raise,
)  # fmt: skip
_EXPRESSIONS = (
    ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set, ast.List, ast.Tuple, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.keyword, ast.JoinedStr,
    ast.FormattedValue, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.Slice, ast.NamedExpr,
    ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop, ast.arguments, ast.arg,
)  # fmt: skip
_CONSTANTS = (
    bool, int, float, complex, str, bytes, types.NoneType, types.EllipsisType,
    torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format,
)  # fmt: skip


class ImpureError(Exception):
    """The code does something beside computing, or nobody can tell; the message says what."""


class CodeReader:
    """Reads functions, each once for each layer whose method it is."""

    def __init__(self) -> None:
        self._read: set[tuple[int, int]] = set()

    def read(self, function: Any, owner: nn.Module | None = None) -> None:
        """Read ``function``, and all it calls; ``owner`` is the layer that its first argument stands for.

        Raises:
            ImpureError: it may do something beside computing.
        """
        if id(function) in known_safe.functions():
            return
        if not isinstance(function, types.FunctionType):
            raise ImpureError(f"it calls {_name_of(function)}")
        if (id(function), id(owner)) in self._read:
            return
        self._read.add((id(function), id(owner)))
        if set(function.__code__.co_freevars) - {"__class__"}:
            raise ImpureError(f"{_name_of(function)} uses variables of the function around it")
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.check_value(default)
        _FunctionReader(self, function, owner).visit(_syntax_tree(function))

    def check_value(self, value: Any) -> None:
        """Check a value that code reads but does not make: a constant, a tensor, or a plain container of those.

        Raises:
            ImpureError: it could change without being assigned to.
        """
        kind = type(value)
        if kind in _CONSTANTS or kind in (torch.Tensor, nn.Parameter) or isinstance(value, type):
            return
        if kind in (list, tuple, set, frozenset):
            for part in value:
                self.check_value(part)
        elif kind is dict:
            for key, part in value.items():
                self.check_value(key)
                self.check_value(part)
        elif isinstance(value, types.FunctionType | types.BuiltinFunctionType):
            self.read(value)
        else:
            raise ImpureError(f"it holds a {kind.__name__}")


class _FunctionReader(ast.NodeVisitor):
    """Walks the syntax tree of one function."""

    def __init__(self, reader: CodeReader, function: types.FunctionType, owner: nn.Module | None) -> None:
        self._reader = reader
        self._function = function
        self._owner = owner
        code = function.__code__
        self._locals = {*code.co_varnames, *code.co_cellvars}
        self._self = code.co_varnames[0] if owner is not None and code.co_argcount else None
        self._lists: set[str] = set()

    def generic_visit(self, node: ast.AST) -> None:
        if not isinstance(node, _STATEMENTS + _EXPRESSIONS):
            raise ImpureError(f"its code has {type(node).__name__.lower()} in line {getattr(node, 'lineno', 0)}")
        super().generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
        if node.name != self._function.__name__ or decorators - {"property", "staticmethod"}:
            raise ImpureError(f"{node.name} is decorated or made inside another function")
        stored = Counter(
            part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        )
        self._locals |= set(stored)
        self._lists = {
            target.id
            for part in ast.walk(node)
            if isinstance(part, ast.Assign | ast.AnnAssign) and isinstance(part.value, ast.List | ast.ListComp)
            for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
            if isinstance(target, ast.Name) and stored[target.id] == 1
        }
        for statement in node.body:
            self.visit(statement)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id not in self._locals:
            self._check_loaded(self._outer(node.id), node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            raise ImpureError(f"its code writes to {ast.unparse(node)}")
        path = _dotted(node)
        if path and path[0] == self._self:
            self._check_own(path[1:])
        elif path and path[0] not in self._locals:
            value = self._outer(path[0])
            for name in path[1:]:
                if not isinstance(value, types.ModuleType) or value.__name__.partition(".")[0] not in ("torch", "math"):
                    raise ImpureError(f"its code uses {'.'.join(path)}")
                value = getattr(value, name, None)
            self._check_loaded(value, ".".join(path))
        elif _is_super(node.value):
            self._check_super(node.attr)
        elif not self._is_list_append(node):
            if node.attr not in known_safe.TENSOR_NAMES | known_safe.CONTAINER_METHODS:
                raise ImpureError(f"its code uses .{node.attr}")
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            raise ImpureError(f"its code writes to {ast.unparse(node)}")
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg in ("out", "generator"):
            raise ImpureError(f"its code passes {node.arg}=")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and "isinstance" not in self._locals:
            self.visit(node.args[0])  # the classes are not called
            return
        self.generic_visit(node)

    def _outer(self, name: str) -> Any:
        missing = object()
        value = self._function.__globals__.get(name, getattr(builtins, name, missing))
        if value is missing:
            raise ImpureError(f"its code uses {name}, which is not there")
        return value

    def _check_loaded(self, value: Any, name: str) -> None:
        """Check a global value: a function that only computes, or a constant."""
        if isinstance(value, type) and (value in known_safe.CONTEXTS or value in known_safe.BUILTINS):
            return
        if isinstance(value, types.FunctionType | types.BuiltinFunctionType):
            if value not in known_safe.BUILTINS:
                self._reader.read(value)
        elif isinstance(value, tuple):
            for part in value:
                self._check_loaded(part, name)
        elif type(value) not in _CONSTANTS:
            raise ImpureError(f"its code uses {name}, a {type(value).__name__}")

    def _check_own(self, path: list[str]) -> None:
        """Check what ``self.a.b`` stands for, one name after the other."""
        holder = value = self._owner
        for position, name in enumerate(path):
            if not isinstance(value, nn.Module):
                rest = path[position:]
                if not known_safe.TENSOR_NAMES.union(known_safe.CONTAINER_METHODS).issuperset(rest):
                    raise ImpureError(f"its code uses .{'.'.join(rest)}")
                if rest[-1].endswith("_") and path[position - 1] not in getattr(holder, "_buffers", ()):
                    raise ImpureError(f"its code writes to self.{'.'.join(path[:position])}")
                return
            holder, value = value, self._attribute(value, name)
        if isinstance(value, type):
            raise ImpureError(f"its code uses the class self.{'.'.join(path)}")

    def _attribute(self, owner: nn.Module, name: str) -> Any:
        """Find an attribute of a layer without running code, and check what would run."""
        for space in (vars(owner), owner._parameters, owner._buffers, owner._modules):
            if name in space:
                return space[name]  # the values of every layer are checked
        value = inspect.getattr_static(type(owner), name, None)
        if getattr(nn.Module, name, None) is value and name in known_safe.MODULE_METHODS:
            return value
        if isinstance(value, property):
            self._reader.read(value.fget, owner)
            return torch.empty(0)  # it computes something
        if isinstance(value, staticmethod):
            self._reader.read(value.__func__)
        elif isinstance(value, types.FunctionType):
            if not is_of_torch(value):
                self._reader.read(value, owner)
            elif name not in known_safe.CONTAINER_METHODS | {"forward"}:
                raise ImpureError(f"its code calls {name} of {type(owner).__name__}")
        elif type(value) in _CONSTANTS and value is not None:
            return value
        else:
            raise ImpureError(f"its code uses self.{name}, which the layer does not hold")
        return value

    def _check_super(self, name: str) -> None:
        for base in type(self._owner).__mro__[1:]:
            if name in vars(base) and not is_of_torch(vars(base)[name]):
                self._reader.read(vars(base)[name], self._owner)
            elif base in known_safe.LAYERS:
                return

    def _is_list_append(self, node: ast.Attribute) -> bool:
        return node.attr in ("append", "extend") and isinstance(node.value, ast.Name) and node.value.id in self._lists


@functools.lru_cache(maxsize=256)
def _syntax_tree(function: Callable[..., Any]) -> ast.FunctionDef:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (OSError, TypeError, SyntaxError, ValueError) as error:
        raise ImpureError(f"the code of {_name_of(function)} cannot be read") from error
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        raise ImpureError(f"{_name_of(function)} is no plain function")
    return tree.body[0]


def _dotted(node: ast.expr) -> list[str] | None:
    """Split ``a.b.c`` into its names; None for what does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def is_of_torch(value: Any) -> bool:
    """Tell whether a class or function is part of torch."""
    return str(getattr(value, "__module__", "")).partition(".")[0] == "torch"


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
