"""No file and no function is too long to take in."""

import ast

from tests.conftest import ROOT


def test_no_file_is_long_and_no_function_needs_scrolling() -> None:
    files = [path for folder in ("bench", "models", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in files if len(path.read_text().splitlines()) > 300] == []
    assert [name for path in files for name, lines in lengths(path.read_text()) if lines > 60] == []


def lengths(source: str) -> list[tuple[str, int]]:
    """Lines of each function without its docstring."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return [
        (node.name, (node.end_lineno or 0) - node.lineno + 1 - len((ast.get_docstring(node) or "").splitlines()))
        for node in nodes
    ]
