"""A report about a dataset whose labels are words, beside one of digits."""

from pathlib import Path

import pytest

from bench.data import files
from bench.report import render
from bench.report.elements.labels import labels_of
from tests.support.results import build_results


def save(results: Path, dataset: str) -> None:
    build_results(results, {"mlp": 0.82, "cnn": 0.85}, dataset=dataset, later=len(dataset))


def test_digits_are_called_digits_and_other_images_images() -> None:
    mnist, fashion, elsewhere = labels_of("mnist"), labels_of("fashion-mnist"), labels_of("elsewhere")
    assert (mnist.nouns, mnist.long, mnist.name(3)) == ("Digits", False, "3")
    assert (fashion.nouns, fashion.long, fashion.name(9)) == ("Images", True, "Ankle boot")
    assert (elsewhere.noun, elsewhere.name(1), elsewhere.name(7)) == ("image", "1", "7")


def test_the_report_says_what_the_labels_mean(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SYSTEM", tmp_path / "no-such")
    monkeypatch.setenv("MNIST_BENCH_DATA", str(data_dir))
    save(tmp_path, "fashion-mnist")
    rendered = render(tmp_path)
    page = rendered.page.read_text()
    assert "### Right and wrong images" in page
    assert "### Images only one of the two gets right" in page
    assert "the test images of fashion-mnist are not in the data folder" in page
    assert "### The article's table, measured on fashion-mnist" in page
    assert "four claims, which are about MNIST, measured on fashion-mnist:" in page
    assert "Digits" not in page
    assert " digit" not in page
    for picture in ("confusion", "digits-cnn"):
        (drawn,) = (tmp_path / "plots").glob(f"*-{picture}.svg")
        assert "T-shirt/top" in drawn.read_text()
    # the page to play on is for digits
    assert not (tmp_path / "playground.html").exists()
    assert "so there is none for models trained on fashion-mnist." in rendered.html.read_text()


def test_both_datasets_have_tables_of_their_own(tmp_path: Path) -> None:
    save(tmp_path, "fashion-mnist")
    save(tmp_path, "mnist")
    page = render(tmp_path).page.read_text()
    assert page.index("## mnist (60,000 images)") < page.index("## fashion-mnist (60,000 images)")
    assert "### Right and wrong digits" in page
