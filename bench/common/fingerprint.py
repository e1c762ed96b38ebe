"""Fingerprints of source code by its syntax trees, independent of file paths and layout.

Two sources have the same fingerprint if their syntax trees are the same but for docstrings, comments, layout, and the
paths of the project's own modules; Python 3.11 to 3.13 give the same one. An imported name counts, and so does
the module it comes from where that is not the project's own.
"""

import ast
import hashlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
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
    """Hash the syntax trees of source files, in any order: 64 hex digits. What is no Python counts by its bytes.

    Raises:
        OSError: a file cannot be read.
    """
    trees = {path: _tree(path) for path in files}
    alone = {path: _digest(_Form().of(tree)) for path, tree in trees.items()}
    definitions = Counter(name for tree in trees.values() if isinstance(tree, ast.Module) for name in _defined(tree))

    def origin(module: str, name: str) -> str:
        """Tell apart what several of the files define under one name: by the source of the file it comes from."""
        stem = module.rpartition(".")[2]
        homes = [digest for path, digest in alone.items() if stem in (path.stem, path.parent.name)]
        return "".join(sorted(homes)) if definitions[name] > 1 else ""

    return _digest(sorted(_digest(_Form(origin).of(tree)) for tree in trees.values()))


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
    tree = _tree(path)
    for node in ast.walk(tree) if isinstance(tree, ast.Module) else ():
        if isinstance(node, ast.Name | ast.Attribute) and _name(node) in dynamic:
            yield from path.parent.rglob("*.py")
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
    """Find the file of a module and of each package on the way to it, in one of the packages or beside its importer.

    A package named in ``packages`` is itself passed over: it imports nothing of its own, or everything it has.
    """
    first, *rest = dotted.split(".")
    base, names = (packages[first], rest) if first in packages else (importer.parent, [first, *rest])
    for name in names:
        base /= name
        yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def _tree(path: Path) -> ast.Module | bytes:
    content = path.read_bytes()
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return content


def _digest(form: Any) -> str:
    return hashlib.sha256(repr(form).encode()).hexdigest()


def _defined(tree: ast.Module) -> Iterator[str]:
    """List the names that a module defines at its top level."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


class _Form:
    """Convert syntax trees to nested tuples, equal for equal meaning on every Python.

    ``origin`` tells apart names of the project's own that several modules define, given the module and the name.
    """

    def __init__(self, origin: Callable[[str, str], str] = lambda _module, _name: "") -> None:
        self._origin = origin

    def of(self, node: Any) -> Any:
        if isinstance(node, ast.Constant):
            return "Constant", type(node.value).__name__, repr(node.value)
        if isinstance(node, ast.JoinedStr):
            return "JoinedStr", *self._joined(node.values)
        if isinstance(node, ast.AST):
            fields = ((name, value) for name, value in ast.iter_fields(node) if name not in _NO_MEANING)
            return type(node).__name__, *((name, self.of(value)) for name, value in fields if value not in (None, []))
        if isinstance(node, list):
            return tuple(self._statements(node))
        return node

    def _joined(self, values: list[ast.expr]) -> Iterator[Any]:
        """Join the text parts of an f-string: Python 3.12 cuts them at doubled braces and adds empty ones."""
        text = ""
        for value in values:
            if isinstance(value, ast.Constant):
                text += str(value.value)
            else:
                yield text, self.of(value)
                text = ""
        yield text

    def _statements(self, nodes: list[Any]) -> Iterator[Any]:
        """Leave out docstrings, and join imports that stand together into one sorted entry; other lists stay."""
        together: list[str] = []
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                together += self._imported(node)
                continue
            if together:
                yield "imports", *sorted(set(together))
                together = []
            if not _is_bare_string(node):
                yield self.of(node)
        if together:
            yield "imports", *sorted(set(together))

    def _imported(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Name each import as ``module:name as other``; the project's own modules without their path."""
        if isinstance(node, ast.Import):
            names = [
                (alias.name.rpartition(".")[2] if _is_own(alias.name) else alias.name, alias) for alias in node.names
            ]
        elif node.level or _is_own(node.module or ""):
            names = [(f"{self._origin(node.module or '', alias.name)}:{alias.name}", alias) for alias in node.names]
        else:
            names = [(f"{node.module}:{alias.name}", alias) for alias in node.names]
        return [f"{name} as {alias.asname}" if alias.asname else name for name, alias in names]


def _without_path(module: str) -> str:
    return module.rpartition(".")[2] if _is_own(module) else module


def _is_bare_string(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and type(node.value.value) is str


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in OWN
