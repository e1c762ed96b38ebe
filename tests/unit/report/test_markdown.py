"""The block of results in a README."""

from pathlib import Path

import pytest

from bench.records.storage import save_run
from bench.report import render
from bench.report.pages import markdown
from tests.support.factories import MACHINE, make_predictions, make_run
from tests.support.results import article_runs, build_results, save_runs


@pytest.fixture
def results(tmp_path: Path) -> Path:
    failed = make_run("mlp", seed=9, status="error", later=600)
    return save_runs(tmp_path / "results", *article_runs(), failed, weights=b"weights")


def test_the_block_in_the_readme_is_kept_up_to_date(results: Path) -> None:
    readme = results.parent / "README.md"
    readme.write_text(f"before\n{markdown.BLOCK_BEGIN}\nas it was\n{markdown.BLOCK_END}\nafter\n")
    render(results)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert text.count("| cnn ") == 1
    assert "as it was" not in text
    assert "**Of the article's four claims 1 holds and 3 were not measured.**" in text
    assert "](results/README.md#mnist-article-2ep-" in text
    assert "in the article" not in text, "the table of claims is in the report alone"
    assert text.count("![") == 1
    readme.write_text("no markers")
    render(results)
    assert readme.read_text() == "no markers"


def test_verdicts_in_the_readme_name_their_device_where_there_are_two(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"{markdown.BLOCK_BEGIN}\n{markdown.BLOCK_END}\n")
    for later, device in enumerate(("cpu", "cuda")):
        build_results(tmp_path / "results", {"mlp": 0.97, "cnn": 0.99}, seeds=3, later=9e3 * later, device=device)
    render(tmp_path / "results")
    text = readme.read_text()
    for device in ("cpu", "cuda"):
        assert f"On {MACHINE.name} ({device}): cnn > mlp by 2.00 points" in text


def test_the_readme_s_block_says_what_makes_each_device_s_rows_again(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{markdown.BLOCK_BEGIN}\n{markdown.BLOCK_END}\n")
    for seed in range(3):
        run = make_run("mlp", seed)
        save_run(tmp_path / "results", run, make_predictions(), b"")
        other = make_run("mlp", seed, device="cuda", suite="full", later=9.0)
        if seed < 2:
            save_run(tmp_path / "results", other, make_predictions(), b"")
    render(tmp_path / "results")
    block = (tmp_path / "README.md").read_text()
    assert "; 2 seeds on test-cpu-0123 (cuda) at commit c0ffee000000: `make full`.\n" in block
    assert "3 seeds on test-cpu-0123 (cpu) at commit c0ffee000000: `make bench`; " in block
    assert "article's" not in block, "without both models nothing is said of its claims"


def test_results_in_another_folder_leave_the_readme_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{markdown.BLOCK_BEGIN}\nas it was\n{markdown.BLOCK_END}\n")
    save_run(tmp_path / "mine", make_run("mlp"), make_predictions(), b"")
    render(tmp_path / "mine")
    assert "as it was" in (tmp_path / "README.md").read_text()
