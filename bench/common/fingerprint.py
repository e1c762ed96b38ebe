"""Fingerprints of source code by its syntax trees, independent of file paths and layout.

Two sources have the same fingerprint if their syntax trees are the same but for docstrings, comments, layout, and the
paths of the project's own modules; Python 3.11 to 3.13 give the same one. An imported name counts, and so does
the module it comes from where that is not the project's own.
"""

import ast
import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWN = ("bench", "models")
_NO_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
DYNAMIC = frozenset({"__import__", "import_module"})
"""Names by which a module is imported that no import statement names."""


@dataclass(frozen=True)
class Pinned:
    """A reviewed state of source code: its fingerprint, and a line of history per version.

    An edit that means the same is pinned anew; one that does not adds a line, and with it a version.
    """

    fingerprint: str
    history: tuple[str, ...]

    def identity(self, fingerprint: str) -> str:
        """Name the version if this is the source that was reviewed, and the source itself if it is not."""
        return f"version {len(self.history)}" if fingerprint == self.fingerprint else fingerprint


def fingerprint(files: Iterable[Path]) -> str:
    """Hash the syntax trees of Python files, in any order: 64 hex digits.

    Raises:
        OSError, SyntaxError: a file cannot be read or is no Python.
    """
    hashes = sorted(hashlib.sha256(repr(_form(ast.parse(path.read_bytes()))).encode()).hexdigest() for path in files)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def matching_files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """List the Python files below ``folder`` that one of the patterns matches.

    Raises:
        FileNotFoundError: a pattern matches none, as after a file was moved.
    """
    files: set[Path] = set()
    for pattern in patterns:
        matches = [path for path in folder.glob(pattern) if path.suffix == ".py"]
        if not matches:
            raise FileNotFoundError(f"no Python file below {folder.name} matches {pattern}")
        files.update(matches)
    return sorted(files)


def imported_files(start: Path, packages: Mapping[str, Path], dynamic: Container[str] = DYNAMIC) -> set[Path]:
    """Find the files that ``start`` imports, at any distance, itself included.

    Args:
        packages: the folder of each package to look into, by its name. What lies elsewhere is left out, but for
            files beside the importing one, which a script imports by their bare names.
        dynamic: names whose use means that a file imports what it does not name; it gets all files of its folder.
    """
    files: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += _imports(path, packages, dynamic)
    return files


def _imports(path: Path, packages: Mapping[str, Path], dynamic: Container[str]) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Name | ast.Attribute) and _name(node) in dynamic:
            yield from path.parent.glob("*.py")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _located(alias.name, path, packages)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path, packages)
            for name in (base, *(f"{base}.{alias.name}" for alias in node.names)):
                yield from _located(name.strip("."), path, packages)


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _absolute(node: ast.ImportFrom, path: Path, packages: Mapping[str, Path]) -> str:
    """Resolve an import to a dotted module name; one beside ``path`` where it is in none of the packages."""
    if not node.level:
        return node.module or ""
    for name, folder in packages.items():
        if path.is_relative_to(folder):
            parents = (name, *path.relative_to(folder).parts[:-1])
            return ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])
    return node.module or ""


def _located(dotted: str, importer: Path, packages: Mapping[str, Path]) -> Iterator[Path]:
    """Find the file of a module, if it lies in one of the packages or beside its importer.

    A package itself is passed over: it imports nothing of its own, or everything it has.
    """
    first, *rest = dotted.split(".")
    if first in packages and not rest:
        return
    base = packages[first].joinpath(*rest) if first in packages else importer.parent.joinpath(first, *rest)
    yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def _form(node: Any) -> Any:
    """Convert a syntax tree to nested tuples, equal for equal meaning on every Python."""
    if isinstance(node, ast.Constant):
        return "Constant", type(node.value).__name__, repr(node.value)
    if isinstance(node, ast.JoinedStr):
        return "JoinedStr", *_joined(node.values)
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in _NO_MEANING)
        return type(node).__name__, *((name, _form(value)) for name, value in fields if value not in (None, []))
    if isinstance(node, list):
        return tuple(_statements(node))
    return node


def _joined(values: list[ast.expr]) -> Iterator[Any]:
    """Join the text parts of an f-string: Python 3.12 cuts them at doubled braces and adds empty ones."""
    text = ""
    for value in values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
        else:
            yield text, _form(value)
            text = ""
    yield text


def _statements(nodes: list[Any]) -> Iterator[Any]:
    """Convert statements, without docstrings and with adjacent imports as one; other lists as they are."""
    together: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            together += _imported(node)
            continue
        if together:
            yield "imports", *sorted(set(together))
            together = []
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and type(node.value.value) is str):
            yield _form(node)
    if together:
        yield "imports", *sorted(set(together))


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """List the imported names as ``module:name as other``; the project's own modules without their path."""
    if isinstance(node, ast.Import):
        names = [(alias.name.rpartition(".")[2] if _is_own(alias.name) else alias.name, alias) for alias in node.names]
    else:
        module = "" if node.level or _is_own(node.module or "") else f"{node.module}:"
        names = [(f"{module}{alias.name}", alias) for alias in node.names]
    return [f"{name} as {alias.asname}" if alias.asname else name for name, alias in names]


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in OWN
