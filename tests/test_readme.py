"""The README tells of tests that are there."""

import ast
import re
from pathlib import Path

from tests.conftest import ROOT


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "README.md").read_text())
    assert len(named) > 8
    for file, test in named:
        assert test in functions(ROOT / file), f"{file}::{test}"


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
