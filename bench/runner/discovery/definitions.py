"""The source of a class or function of a notebook or a script, checked to be what it was made from."""

import ast
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from bench.common.errors import UserError

_Node = ast.ClassDef | ast.FunctionDef | ast.Assign


@dataclass(frozen=True)
class Definition:
    """The text of a definition, and the name that it defines."""

    name: str
    text: str


def find_definition(value: Any, namespace: dict[str, Any]) -> Definition:
    """Find the source of a class or function in the cell, or the script, in which it was executed.

    Args:
        namespace: the names around it, by which its source is understood.

    Raises:
        UserError: it cannot be found, or it is another by now: what it was made from has been changed since.
    """
    value = inspect.unwrap(value)
    codes = list(_codes(value))
    for file, text in _texts(value, codes, namespace):
        for node in _nodes(text, value.__name__):
            start = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
            end = node.end_lineno or start
            inside = [code for code in codes if code.co_filename == file and start <= code.co_firstlineno <= end]
            if inside or not codes:
                _check_file(file, text, inside)
                if isinstance(node, ast.ClassDef):
                    _check_class(value, node, codes, inside, namespace)
                elif isinstance(node, ast.FunctionDef):
                    _check_defaults(value, node, namespace)
                lines = text.splitlines()[start - 1 : end]
                return Definition(_name(node), textwrap.dedent("\n".join(lines)).rstrip())
    raise UserError(f"the source of {value.__name__!r} cannot be found: define it in a cell or a file")


def _texts(value: Any, codes: list[CodeType], namespace: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The sources that may have the definition, the likeliest first, with the names of their files."""
    for file in dict.fromkeys(code.co_filename for code in codes):
        yield file, "".join(linecache.getlines(file))
    if not codes:  # a class without a function of its own does not say where it was written
        cells = namespace.get("In")
        yield from (("", cell) for cell in reversed(cells if isinstance(cells, list) else []))
        script = getattr(sys.modules[value.__module__], "__file__", None)
        yield from [(script, "".join(linecache.getlines(script)))] if script else []


def _nodes(text: str, name: str) -> Iterator[_Node]:
    """The definitions of that name in a source, the last first; assignments of anonymous functions too."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in reversed(list(ast.walk(tree))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            yield node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and name == "<lambda>":
            yield from [node] if isinstance(node.targets[0], ast.Name) else []


def _name(node: _Node) -> str:
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else node.name


def _codes(value: Any) -> Iterator[CodeType]:
    """The compiled functions of a class, or that of a function, as far as they were written in its module."""
    for part in [value] if isinstance(value, FunctionType) else list(vars(value).values()):
        for function in (part, getattr(part, "__func__", None), getattr(part, "fget", None)):
            plain = inspect.unwrap(function) if callable(function) and not isinstance(function, type) else None
            if isinstance(plain, FunctionType) and plain.__module__ == value.__module__:
                yield plain.__code__


def _check_file(file: str, text: str, codes: list[CodeType]) -> None:
    """Check that a script still has the functions that were read from it when it was started."""
    if Path(file).is_file():
        known, waiting = set[CodeType](), [compile(text, file, "exec", dont_inherit=True)]
        while waiting:
            known.add(code := waiting.pop())
            waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if not known.issuperset(codes):
            raise UserError(f"{Path(file).name} was edited after it was started: start it again")


def _check_defaults(value: FunctionType, node: ast.FunctionDef, namespace: dict[str, Any]) -> None:
    for default, then in zip(node.args.defaults, value.__defaults__ or (), strict=False):
        if isinstance(default, ast.Name) and namespace.get(default.id, then) is not then:
            raise UserError(
                f"{node.name} was defined with another value of {default.id!r}: execute the cell that defines it again"
            )


def _check_class(
    value: type, node: ast.ClassDef, codes: list[CodeType], inside: list[CodeType], namespace: dict[str, Any]
) -> None:
    """Check that the class has the base that its source names, and nothing that was set after it was defined."""
    for base in value.__bases__:
        if base.__module__ == value.__module__ and namespace.get(base.__name__, base) is not base:
            raise UserError(
                f"{node.name} derives from an earlier {base.__name__}: execute the cell that defines {node.name} again"
            )
    if {ast.unparse(decorator) for decorator in node.decorator_list} - {"register_model", "register_control"}:
        return  # any other decorator may set what it likes
    bound = {name: part for part in node.body for name in _bound(part)}
    for name, attribute in vars(value).items():
        foreign = (
            isinstance(attribute, FunctionType) and attribute.__code__ in codes and attribute.__code__ not in inside
        )
        replaced = name in bound and _is_replaced(bound[name], attribute, foreign)
        if replaced or (name not in bound and (foreign or not name.startswith("_"))):
            raise UserError(f"{name!r} of {node.name} was set after the class was defined: write it in the class")


def _is_replaced(part: ast.stmt, attribute: Any, foreign: bool) -> bool:
    """Whether an attribute is another than the one that the body of its class defines, as far as that can be seen."""
    if isinstance(part, ast.FunctionDef):
        return foreign
    constant = part.value if isinstance(part, ast.Assign | ast.AnnAssign) else None
    return isinstance(constant, ast.Constant) and bool(constant.value != attribute)


def _bound(part: ast.stmt) -> Iterator[str]:
    """The names that a statement in the body of a class defines."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield part.name
        return
    for node in ast.walk(part):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
