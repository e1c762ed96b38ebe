"""A class or function of a notebook or a script -> the text of a module that has it, and all that it uses from there.

What it uses is found by name in its source: modules and what was imported become imports, classes and functions of the
notebook are written out in their turn, plain constants become assignments. Anything else is refused by its name.
"""

import ast
import inspect
import symtable
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from bench.common.errors import UserError
from bench.runner.discovery.definitions import Definition, find_definition

PLAIN = (int, float, complex, str, bytes, bool, type(None), tuple, list, dict, set, frozenset)


def write_module(value: Any) -> str:
    """Write the text of a module that defines ``value``.

    Raises:
        UserError: its source cannot be found, or is not what it was made from, or it uses what cannot be written.
    """
    module = _Module(value.__module__)
    module.add(value.__name__, value, value.__name__)
    first = f'"""The model {value.__name__}, as it was written in a notebook or a script."""'
    parts = ["\n".join(sorted(module.imports)), "\n".join(module.constants), *module.definitions]
    return "\n\n\n".join([first, *(part for part in parts if part)]) + "\n"


class _Module:
    """The module as far as it is written."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._namespace = vars(sys.modules[name])
        self._names: set[str] = set()
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.definitions: list[str] = []

    def add(self, name: str, value: Any, user: str) -> None:
        """Add what is called ``name``, and all that it uses; ``user`` uses it."""
        if name in self._names:
            return
        self._names.add(name)
        plain = inspect.unwrap(value) if callable(value) else value
        if isinstance(value, ModuleType):
            self.imports.add(_import(name, value, user))
        elif isinstance(plain, type | FunctionType) and plain.__module__ == self._name:
            self._define(name, value)
        elif isinstance(value, PLAIN) and _is_plain(value):
            self.constants.append(f"{name} = {value!r}")
        elif origin := _origin(name, value):
            module, attribute = origin
            self.imports.add(f"from {module} import {attribute}{f' as {name}' if name != attribute else ''}")
        else:
            raise UserError(
                f"{user} uses {name!r}, a {type(value).__name__} that cannot be written to a file: make it inside "
                f"{user}, or put the model into a file and name that"
            )

    def _define(self, name: str, value: Any) -> None:
        definition = find_definition(value, self._namespace)
        for used in _global_names(definition.text):
            if used in self._namespace and used != name:
                self.add(used, self._namespace[used], name)
        for module in _modules_by_attribute(definition, self._namespace):
            self.imports.add(f"import {module}")
        self.definitions.append(definition.text)
        if definition.name != name:
            self.definitions.append(f"{name} = {definition.name}")


def _import(name: str, module: ModuleType, user: str) -> str:
    if sys.modules.get(module.__name__) is not module or module.__name__ == "__main__":
        raise UserError(f"{user} uses the module {name!r}, which cannot be imported by its name {module.__name__!r}")
    return f"import {module.__name__}" if name == module.__name__ else f"import {module.__name__} as {name}"


def _is_plain(value: Any) -> bool:
    """Whether the value reads back as it is written."""
    try:
        back = ast.literal_eval(repr(value))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return type(back) is type(value) and bool(back == value)


def _origin(name: str, value: Any) -> tuple[str, str] | None:
    """Find the module that a value was imported from, and its name there."""
    own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    modules = sorted(sys.modules.items(), key=lambda item: (item[0] != own[0], item[0].count("."), item[0]))
    for module, content in modules:
        if module in ("__main__", "__mp_main__") or not isinstance(content, ModuleType):
            continue
        for attribute in dict.fromkeys((own[1], name)):
            if isinstance(attribute, str) and vars(content).get(attribute) is value:
                return module, attribute
    return None


def _global_names(text: str) -> list[str]:
    """List the names that a definition reads from around it, in the order of the alphabet."""
    names: set[str] = set()
    tables = [symtable.symtable(text, "<definition>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (not symbol.is_assigned() if top else symbol.is_global()):
                names.add(symbol.get_name())
    return sorted(names)


def _modules_by_attribute(definition: Definition, namespace: dict[str, Any]) -> Iterator[str]:
    """Find modules inside packages that are used as ``package.module``, which the package itself may not import."""
    for node in ast.walk(ast.parse(definition.text)):
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        package = namespace.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(package, ModuleType):
            for length in range(1, len(path) + 1):
                module = ".".join([package.__name__, *path[:length]])
                if module in sys.modules:
                    yield module
