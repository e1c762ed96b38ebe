"""The committed results."""

from pathlib import Path

from bench.report import render
from bench.report.pages import markdown
from tests.conftest import ROOT


def test_the_committed_page_and_readme_are_what_the_committed_records_give(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(ROOT / "results", tmp_path / "results", ignore=shutil.ignore_patterns("*.safetensors", "*.log"))
    shutil.copy(ROOT / "README.md", tmp_path / "README.md")
    committed = (tmp_path / "results" / "README.md").read_text(), (tmp_path / "README.md").read_text()
    assert render(tmp_path / "results").problems == []
    assert ((tmp_path / "results" / "README.md").read_text(), (tmp_path / "README.md").read_text()) == committed
    assert markdown.BLOCK_BEGIN in committed[1]


def test_no_private_name_is_in_the_committed_results() -> None:
    text = "".join(
        path.read_text()
        for path in (ROOT / "results").rglob("*")
        if path.suffix in (".json", ".md", ".csv", ".html", ".svg")
    )
    assert "/home/" not in text
    assert "/Users/" not in text
    assert "Traceback" not in text
