"""Fingerprints of source code by its syntax trees, independent of file paths and layout.

Two sources have the same fingerprint if their syntax trees are the same but for docstrings, comments, layout, and the
paths of the project's own modules; Python 3.11 to 3.13 give the same one. An imported name counts, and so does the
module it comes from: by its source where that is hashed too, else by its name.
"""

import ast
import functools
import hashlib
import itertools
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWN = ("bench", "models")
_IMPORTS = (ast.Import, ast.ImportFrom)
_NO_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
DYNAMIC = frozenset(
    {"__import__", "import_module", "exec", "run_module", "run_path", "spec_from_file_location", "SourceFileLoader"}
)
"""Names by which code is imported that no import statement names."""


@dataclass(frozen=True)
class Pinned:
    """A reviewed state of source code: its fingerprint, and a line of history per version.

    An edit that means the same is pinned anew; one that does not adds a line, and with it a version. Lines of history
    are never edited: they tell apart what two branches call by one number.
    """

    fingerprint: str
    history: tuple[str, ...]

    def identity(self, fingerprint: str) -> str:
        """Name the version if this is the source that was reviewed, and the source itself if it is not."""
        version = f"version {len(self.history)} {_digest(self.history)[:8]}"
        return version if fingerprint == self.fingerprint else fingerprint


def fingerprint(files: Iterable[Path]) -> str:
    """Hash the syntax trees of source files, in any order: 64 hex digits. What is no Python counts by its bytes.

    Raises:
        OSError: a file cannot be read.
    """
    trees = {path: _tree(path) for path in files}
    alone = {path: _digest(_Form().of(tree)) for path, tree in trees.items()}

    def source_of(module: str) -> str:
        """Hash a module of the project that is among the files, wherever they lie; nothing of any other."""
        name = module.rpartition(".")[2]
        return " ".join(sorted(digest for path, digest in alone.items() if name == _module_name(path)))

    return _digest(sorted(_digest(_Form(source_of).of(tree)) for tree in trees.values()))


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


def imported_files(
    start: Path, packages: Mapping[str, Path], dynamic: frozenset[str] = DYNAMIC, without: Collection[Path] = ()
) -> set[Path]:
    """Find the files that ``start`` imports, at any distance, itself included; all without links.

    Args:
        packages: the folder of each package to look into, by its name. Of what lies elsewhere only files beside
            ``start`` or beside the importing one are found, which a script imports by their bare names.
        dynamic: names whose use means that a file imports what it does not name; it gets all files of its folder.
        without: files that are left out, and what they import too.
    """
    start = start.resolve()
    folders = {name: folder.resolve() for name, folder in packages.items()}
    files: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in files or path in without:
            continue
        files.add(path)
        imports, used = _imports_and_names(path.read_bytes())
        if used & dynamic:
            inside = any(path.is_relative_to(folder) for folder in folders.values())
            waiting += path.parent.rglob("*.py") if inside else path.parent.glob("*.py")
        for statement in imports:
            for base, names in _meanings(statement, path, start.parent, folders):
                waiting += _located(base, names)
    return files


@functools.lru_cache(maxsize=256)
def _imports_and_names(content: bytes) -> tuple[list[ast.Import | ast.ImportFrom], set[str]]:
    """List the import statements of a source, wherever they stand, and all names that it uses or imports."""
    tree = _parsed(content)
    nodes = list(ast.walk(tree)) if isinstance(tree, ast.Module) else []
    imports = [node for node in nodes if isinstance(node, _IMPORTS)]
    names = {alias.name for node in imports for alias in node.names}
    names |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return imports, names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _meanings(
    node: ast.Import | ast.ImportFrom, path: Path, root: Path, folders: Mapping[str, Path]
) -> Iterator[tuple[Path, list[str]]]:
    """List what an import statement may mean: a folder, and the names that lead from there to a module."""
    if isinstance(node, ast.Import):
        modules = [alias.name.split(".") for alias in node.names]
    else:
        parents = node.module.split(".") if node.module else []
        modules = [[*parents, alias.name] for alias in node.names]
        if node.level:
            yield from ((folder, names) for folder in path.parents[node.level - 1 : node.level] for names in modules)
            return
    for first, *rest in modules:
        if first in folders:
            yield folders[first], rest
        else:
            yield from ((folder, [first, *rest]) for folder in {path.parent, root})


def _located(base: Path, names: Iterable[str]) -> Iterator[Path]:
    """Find the file of a module and of each package on the way to it below ``base``."""
    for name in names:
        base /= name
        yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def _tree(path: Path) -> ast.Module | bytes:
    return _parsed(path.read_bytes())


@functools.lru_cache(maxsize=256)
def _parsed(content: bytes) -> ast.Module | bytes:
    """Parse a source; kept by its content, since the models and probes of one call share most of their files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes, which the import of the file warns of
        try:
            return ast.parse(content)
        except (SyntaxError, ValueError, RecursionError):
            return content


def _digest(form: Any) -> str:
    return hashlib.sha256(repr(form).encode()).hexdigest()


def _module_name(path: Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem


class _Form:
    """Convert syntax trees to nested tuples, equal for equal meaning on every Python.

    ``source_of`` identifies the project's own modules that are imported: where they lie means nothing.
    """

    def __init__(self, source_of: Callable[[str], str] = lambda _: "own") -> None:
        self._source_of = source_of

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
        statements = (node for node in nodes if not _is_bare_string(node))
        for are_imports, group in itertools.groupby(statements, lambda node: isinstance(node, _IMPORTS)):
            if are_imports:
                yield "imports", *sorted({name for node in group for name in self._imported(node)})
            else:
                yield from map(self.of, group)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Name each import as ``module:name as other``."""
        if isinstance(node, ast.Import):
            names = [(self._own("", alias.name) if _is_own(alias.name) else alias.name, alias) for alias in node.names]
        elif node.level or _is_own(node.module or ""):
            names = [(self._own(node.module or "", alias.name), alias) for alias in node.names]
        else:
            names = [(f"{node.module}:{alias.name}", alias) for alias in node.names]
        return [f"{name} as {alias.asname}" if alias.asname else name for name, alias in names]

    def _own(self, module: str, name: str) -> str:
        """Name what is imported from a module of the project, or a module that is imported from a folder of it."""
        if source := self._source_of(module):
            return f"{source}:{name}"
        return self._source_of(name) or f"{module.rpartition('.')[2]}:{name}"


def _is_bare_string(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and type(node.value.value) is str


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in OWN
