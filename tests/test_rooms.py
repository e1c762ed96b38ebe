"""The tree and the diagram in the README are those of the code."""

import ast

from tests.conftest import ROOT
from tests.layers import imports, package_imports, reach
from tests.rooms import arrows, imports_between, rooms

README = (ROOT / "README.md").read_text()
ROOM_OF, DRAWN = rooms(README), arrows(README)
FOUND = imports_between(package_imports(ROOT / "bench") | package_imports(ROOT / "models"), ROOM_OF)
UNDER_ALL = "ground"


def test_every_file_of_the_package_stands_in_the_tree_once() -> None:
    there = {path.stem for path in (ROOT / "bench").iterdir() if not path.name.startswith("__")}
    assert ROOM_OF.keys() == there | {"__main__", "models"}
    assert set(ROOM_OF.values()) == DRAWN.keys() | {room for others in DRAWN.values() for room in others} | {UNDER_ALL}


def test_every_import_goes_along_the_arrows() -> None:
    wrong = [
        example for (room, other), example in FOUND.items() if other != UNDER_ALL and other not in reach(room, DRAWN)
    ]
    assert wrong == []


def test_every_arrow_is_an_import_and_none_leads_back() -> None:
    assert {(room, other) for room, others in DRAWN.items() for other in others} <= FOUND.keys()
    assert [room for room in DRAWN if room in reach(room, DRAWN)] == []
    assert [other for room, other in FOUND if room in (UNDER_ALL, "models")] == [], "these stand on their own"


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


def test_the_test_sees_an_import_against_the_arrows() -> None:
    page = (
        "\nbench/\n                 upper: x\n  cli.py    x\n                 lower: x\n  store/   x\n\nresults/ x\n"
        "    upper --> lower\n    lower --> models & floor\n"
    )
    room_of, drawn = rooms(page), arrows(page)
    assert room_of == {"models": "models", "cli": "upper", "store": "lower"}
    assert drawn == {"upper": {"lower"}, "lower": {"models", "floor"}}
    assert reach("upper", drawn) == {"lower", "models", "floor"}
    modules = {
        "bench.cli": imports("from bench.store import deep\nimport json"),
        "bench.store.deep": imports("def f():\n    from bench import cli"),
        "bench": imports("from bench import cli"),
    }
    assert imports_between(modules, room_of).keys() == {("upper", "lower"), ("lower", "upper")}
