"""Reads the imports of a package and names those that go against the arrows of the design."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path


def imports(source: str) -> set[str]:
    """Dotted names of everything ``source`` imports at run time, wherever the import stands."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = [ast.Pass()]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def package_imports(folder: Path) -> dict[str, set[str]]:
    """Module name -> what it imports, for every file below ``folder``."""
    return {
        ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): imports(
            path.read_text()
        )
        for path in folder.rglob("*.py")
    }


def violations(modules: Mapping[str, Iterable[str]], importers: tuple[str, ...], banned: tuple[str, ...]) -> list[str]:
    """``a imports b`` for each module below ``importers`` that reaches something below ``banned``, at any distance."""
    return sorted(
        f"{module} imports {reached}"
        for module in modules
        if _below(module, importers)
        for reached in reach(module, modules)
        if _below(reached, banned)
    )


def reach(module: str, modules: Mapping[str, Iterable[str]]) -> set[str]:
    """What ``module`` imports, at any distance."""
    seen: set[str] = set()
    waiting = list(modules.get(module, ()))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += modules.get(name, ())
    return seen


def _below(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)
