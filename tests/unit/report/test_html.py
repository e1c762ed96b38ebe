"""The HTML report: whole in one file, and what a record says is text in it."""

import csv
import io
import re
import shutil
import urllib.parse
import xml.etree.ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.records.storage import save_run
from bench.records.throughput import save_throughput
from bench.report import render
from bench.report.elements.blocks import Link, Table
from bench.report.elements.formatting import spreadsheet_safe
from bench.report.pages import html
from bench.report.pages.inline_svg import inline
from bench.report.sections.document import MAX_RUNS_LISTED, Document
from tests.support.factories import flagged, make_peers, make_run, make_speed
from tests.support.results import build_results, save_runs

SCRIPT = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Collects what a browser would: tags with attributes, and the text of cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data.strip("\n")

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(attribute))]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    build_results(results, {"mlp": 0.97, "cnn": 0.99}, seeds=3)
    failed = make_run("mlp", seed=9, status="error", later=600)
    save_run(results, failed.model_copy(update={"error": f"ValueError: {SCRIPT}"}))
    save_throughput(results, make_speed())
    save_throughput(results, make_peers())
    return results


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    return render(results).html.read_text()


def test_it_is_whole_in_one_file(page: str) -> None:
    read = Reader(page)
    assert not {tag for tag, _ in read.tags} & {"iframe", "object", "embed", "base"}
    assert "default-src 'none'" in " ".join(read.values("content")), "a browser would refuse what we overlooked"
    assert all(
        value.startswith("data:image/png;base64,")
        for tag, attributes in read.tags
        if tag == "image"
        for value in [attributes["xlink:href"] or ""]
    )
    assert all(
        value.startswith(("#", "data:"))
        for value in read.values("href") + read.values("xlink:href") + read.values("src")
    )
    styles = re.findall(r"url\(([^)]*)\)", page)
    assert styles
    assert all(target.startswith("#") for target in styles)
    assert "@import" not in page
    assert len(page.encode()) < 2_000_000


def test_it_opens_with_the_answer_and_every_link_inside_leads_somewhere(page: str) -> None:
    read = Reader(page)
    answer = page.index("cnn gets 99.00 % ± 0.00 of the test images right and is better than every other model")
    assert page.index("<h1>") < answer < page.index("<table>")
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    inside = [href for href in read.values("href") if href.startswith("#")]
    assert len(inside) > 30
    assert {href[1:] for href in inside} <= set(ids)


def test_every_table_can_be_saved_with_the_rows_that_are_shown(page: str) -> None:
    read = Reader(page)
    files = [attributes for tag, attributes in read.tags if tag == "a" and "download" in attributes]
    assert len(files) == page.count("<table>") > 8
    accuracy = next(attributes["href"] or "" for attributes in files if attributes["download"] == "accuracy.csv")
    rows = list(csv.DictReader(io.StringIO(urllib.parse.unquote(accuracy.partition(",")[2]))))
    assert [row["model"] for row in rows] == ["cnn", "mlp"]
    assert rows[0]["test accuracy, %"] == "99.00 ± 0.00"


def test_rows_say_what_they_rest_on_and_models_keep_their_colour(page: str) -> None:
    hints = Reader(page).values("title")
    assert any(hint.startswith("n = 3 (seed 0, 1, 2), 10,000 test images") and "commit" in hint for hint in hints)
    colours = set(re.findall(r'background:(#\w+)"></span>cnn', page))
    assert len(colours) == 1
    assert colours.pop().lower() in page[page.index("<svg") :].lower()


def test_figures_say_what_is_drawn_and_what_to_see(page: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) >= 6
    assert all(re.search(r'role="img" aria-label="[^"]{10,}"', figure) for figure in figures)
    assert all(re.search(r"<figcaption><p>.{10,}", figure) for figure in figures)


def test_what_a_record_says_is_shown_as_text(results: Path, page: str) -> None:
    assert f"ValueError: {SCRIPT}" in {cell for row in Reader(page).rows for cell in row}
    assert SCRIPT not in page
    named = make_run("cnn", 7)
    trial = named.trial.model_copy(update={"model": SCRIPT})
    odd = named.model_copy(update={"trial": trial})  # as validation would never let it in
    text = html.page(Document([], [], {}, {}, [], {}, [odd]), {})
    assert SCRIPT not in text
    assert SCRIPT in {cell for row in Reader(text).rows for cell in row}


def test_a_record_with_such_a_name_is_no_record(results: Path, tmp_path: Path) -> None:
    own_copy = shutil.copytree(results, tmp_path / "results")
    path = next((own_copy / "runs").rglob("cnn*.json"))
    path.with_name("odd.json").write_text(path.read_text().replace('"model": "cnn"', f'"model": "{SCRIPT}"'))
    problems = render(own_copy).problems
    assert [problem.path.name for problem in problems] == ["odd.json"]
    assert "trial.model" in str(problems[0])


def test_of_many_runs_the_latest_are_listed() -> None:
    runs = [make_run("cnn", seed, later=float(seed)) for seed in range(MAX_RUNS_LISTED + 20)]
    rows = Reader(html.page(Document([], [], {}, {}, [], {}, runs), {})).rows
    assert len(rows) == MAX_RUNS_LISTED + 1
    assert rows[1][2] == str(MAX_RUNS_LISTED + 19)


def test_a_mark_says_what_it_means_when_pointed_at(tmp_path: Path) -> None:
    note = f'outputs sum to 1 {SCRIPT} " onclick=x'
    runs = [flagged(make_run("cnn", seed), note) for seed in range(3)]
    # another condition's flags are not this one's
    other = [flagged(make_run("cnn", epochs=5), "answers differ", "answers_differ"), make_run("mlp", epochs=5)]
    save_runs(tmp_path, *runs, *(make_run("mlp", seed, 0.97) for seed in range(3)), *other)
    rendered = render(tmp_path)
    text = rendered.html.read_text()
    read = Reader(text)
    assert SCRIPT not in text
    assert not any("onclick" in attributes for _, attributes in read.tags)
    first, second = (text.index(f'id="{c.condition.slug}"') for c in rendered.document.comparisons)
    end = text.index('id="runs"')
    titles = [
        {attributes["title"] for tag, attributes in Reader(part).tags if tag == "abbr"}
        for part in (text[:first], text[first:second], text[second:end], text[end:])
    ]
    assert titles == [{"answers differ"}, {"answers differ"}, {note}, {f"answers differ; {note}"}]
    assert "cnn†" in {cell for row in read.rows for cell in row}
    assert "onclick" in text[second:end].partition('<div class="prose">')[2], "the note is below the table too"
    assert set(re.findall(r'background:(#\w+)"></span>cnn<abbr', text)) == set(
        re.findall(r'background:(#\w+)"></span>cnn', text)
    ), "its colour is kept"
    assert text.count("</span>cnn<abbr") > 5


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+2", "'=1+2"), ("@SUM(A1)", "'@SUM(A1)"), ("-cmd", "'-cmd"), ("+x", "'+x"), ("\t=x", "'=x"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"), ("-1 +SUM(A1)", "'-1 +SUM(A1)"), ("a\r\nb\x07", "a b\\x07"),
        ("-0.14 [-0.89, 0.61]", "-0.14 [-0.89, 0.61]"), ("+7.1", "+7.1"), ("cnn", "cnn"), ("", ""),
    ],
)  # fmt: skip
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str, safe: str) -> None:
    assert spreadsheet_safe(text) == safe
    assert html._csv(["a"], [{"a": text}]) == f"a\n{io_csv(safe)}\n"


def io_csv(cell: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([cell])
    return text.getvalue()


def test_a_link_is_its_text_in_a_file() -> None:
    assert html._csv(["a"], Table("x", [{"a": Link("accuracy", "there")}]).rows) == "a\naccuracy\n"


def test_two_plots_on_a_page_do_not_share_names() -> None:
    inside = b'<style>*{}</style><a id="p"/><b clip-path="url(#p)"/><use xlink:href="#p" fill="#808080"/>'
    svg = b'<?xml version="1.0"?><svg width="72pt" xmlns:xlink="x">' + inside + b"</svg>"
    one, other = inline(svg, "f1", 'a "plot"'), inline(svg, "f2", "b")
    assert 'id="f1-p"' in one
    assert "url(#f1-p)" in one
    assert 'href="#f1-p"' in one
    assert "f1-p" not in other
    assert "<style>" not in one
    assert "currentColor" in one
    assert 'aria-label="a &#34;plot&#34;" style="--width:96px"' in one
    xml.etree.ElementTree.fromstring(one)
