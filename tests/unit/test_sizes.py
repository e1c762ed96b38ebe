"""No file and no function is too long to take in, and a unit's tests are found by its name."""

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


def test_unit_tests_stand_as_what_they_test() -> None:
    """``unit/analysis/test_groups.py`` is about ``bench/analysis/**/groups.py``, or a folder of that name."""
    files = sorted((ROOT / "tests" / "unit").glob("*/**/test_*.py"))
    assert len(files) > 30
    for path in files:
        name, folder = path.stem.removeprefix("test_"), path.parent.name
        root = ROOT / folder if folder == "models" else ROOT / "bench" / folder
        known = {root.name, *(part.stem for part in root.rglob("*") if part.is_dir() or part.suffix == ".py")}
        assert name in known, f"{path.relative_to(ROOT)} names nothing in {root.relative_to(ROOT)}"
