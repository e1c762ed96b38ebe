"""The comment for a pull request, as a reader of GitHub's Markdown sees it."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.analysis.compare import apply_gates, parse_gate, to_markdown
from bench.analysis.compare.changes import Change
from bench.analysis.compare.gates import GateResults
from bench.analysis.compare.markdown import HEAD, code
from bench.common.errors import one_line
from tests.support.comparison import BOXES, changes, cnn
from tests.support.damage import FREE_TEXT
from tests.support.factories import make_run
from tests.support.results import save_runs

HOSTILE = (
    "a|b ``` \\| <script>alert(1)</script> </details> @someone #1 $x$ [a](javascript:b) ![c](d) **e** \x1b[31m\n\n# f"
)


class Page(HTMLParser):
    """The cells of the tables, the tags, and the text outside of code, as a browser has them."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.plain = ""
        self.open: Counter[str] = Counter()
        self.feed(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.tags.append(tag)
        self.open[tag] += 1
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.open[tag] -= 1

    def handle_data(self, data: str) -> None:
        if self.open["td"] or self.open["th"]:
            self.rows[-1][-1] += data
        if not self.open["code"]:
            self.plain += data


def comment(folders: tuple[Path, Path], *gates: str) -> str:
    lines, parsed = list(changes(*folders).values()), [parse_gate(gate) for gate in gates]
    return to_markdown("HEAD~1:results", "results", lines, lines, parsed, apply_gates(lines, parsed))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Of five models one is slower, one failed, one has changed its recipe, one is gone, one is as it was."""
    base = [*cnn(), *(make_run(model) for model in ("mlp", "softmax", "gone")), make_run("failing")]
    error = make_run("failing", status="error").model_copy(update={"error": HOSTILE})
    new = [*cnn(1.5, later=9), make_run("mlp"), make_run("softmax", epochs=3), error]
    return save_runs(tmp_path / "base", *base), save_runs(tmp_path / "new", *new)


def test_it_begins_with_the_counts_and_folds_what_did_not_change(folders: tuple[Path, Path]) -> None:
    text = comment(folders, "epoch_s:10%", "cnn.trial_s:90%")
    first, second, *_ = text.split("\n\n")
    assert first == "**3 worse, 7 unchanged, 2 not comparable, 1 fails now**; gates: 2 broken"
    assert second == "BASE `HEAD~1:results`, NEW `results`"
    broken = text.split("\n\n")[2].splitlines()
    assert broken[0].startswith("- broken: `cnn.epoch_s is worse by 50.")
    assert broken[1].startswith("- broken: <code>failing fails now&#58; seed 0 error")
    assert broken[2].startswith("- warning: `noise floor unknown for cnn.epoch_s, ")
    in_sight, _, folded = text.partition("<details>")
    marks = [[row[0] for row in Page(part).rows if row[0] != "Change"] for part in (in_sight, folded)]
    assert marks == [["+", "+", "+", "!"], ["x", "x", *[""] * 7]]
    assert [part.partition("</summary>")[0] for part in text.split("<details><summary>")[1:]] == [
        "2 not comparable",
        "7 unchanged",
    ]
    assert text.endswith("`!` fails now, `*` failed before")


def test_words_of_a_record_break_nothing(folders: tuple[Path, Path]) -> None:
    page = Page(comment(folders, "epoch_s:10%"))
    assert {len(row) for row in page.rows} == {7}
    (failing,) = (row for row in page.rows if row[0] == "!")
    assert failing[-1] == f"seed 0 error: {one_line(HOSTILE)}"
    assert not {"script", "a", "img", "h1"} & set(page.tags)
    assert not set(page.plain) & set("@#$")
    assert set(page.open.values()) == {0}, "every tag is closed again"
    assert page.tags.count("details") == 2


@given(st.lists(FREE_TEXT | st.sampled_from(HOSTILE.split()), max_size=6).map(" ".join))
def test_any_words_are_one_cell_of_code(words: str) -> None:
    page = Page(f"{HEAD}| {code(words)} | b | c | d | e | f | g |")
    (_, (cell, *others)) = page.rows
    assert (" ".join(cell.split()), others) == (one_line(words), list("bcdefg"))
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert page.plain.split("Note")[1].split() == list("bcdefg")


def test_a_comparison_of_hundreds_of_models_fits_into_a_comment(tmp_path: Path) -> None:
    (line,) = (change for name, change in changes(*slower(tmp_path)).items() if name == "cnn.epoch_s")
    many = [renamed(line, f"model_{number}") for number in range(2000)]
    text = to_markdown("base", "new", many, many, [parse_gate("epoch_s:1%")], GateResults(["worse " * 99] * 999, []))
    assert len(text) < 65_536
    shown = sum(row[0] == "+" for row in Page(text).rows)
    assert 100 < shown < 2000
    assert f"{2000 - shown:,} more, too long for a comment" in text


def test_a_note_is_cut(tmp_path: Path) -> None:
    folders = slower(tmp_path, machine=BOXES[0])
    (line,) = (change for name, change in changes(*folders).items() if name == "cnn.epoch_s")
    long = Change(**(vars(line) | {"note": "n" * 1000}))
    assert len(to_markdown("base", "new", [long], [long], [], GateResults([], []))) < 1000


def slower(tmp_path: Path, **options: object) -> tuple[Path, Path]:
    new = save_runs(tmp_path / "new", *cnn(1.5, later=9, **options))
    return save_runs(tmp_path / "base", *cnn(**options)), new


def renamed(change: Change, model: str) -> Change:
    key = type(change.key)(**(vars(change.key) | {"model": model}))
    return Change(**(vars(change) | {"key": key}))
