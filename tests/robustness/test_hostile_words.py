"""Records that pass their schema and say what they like: their words are text, their numbers take a section at most."""

import csv
import json
import re
import warnings
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import ValidationError

from bench.records.probes import ProbeRecord, load_probes, save_probe
from bench.records.schema import Execution, Run
from bench.records.storage import save_run
from bench.records.throughput import save_throughput
from bench.report import render
from tests.conftest import ROOT
from tests.support.damage import FREE_TEXT, JSON, locations
from tests.support.factories import flagged, make_peers, make_predictions, make_probe, make_run, make_speed

HOSTILE = (
    "<b class=hostile>x</b>\n=1+1\r\n| a [b](javascript:alert(1)) `code` \x1b[31m \u202e <script>alert(1)</script> "
    "</td></svg><img src=x onerror=alert(1)> &amp; ${x} {{7*7}} \x00 $(touch x) --> end"
)


def save_all(results: Path, words: str) -> None:
    """Finished runs, a failed one, and what was measured beside them, with ``words`` wherever words may be."""
    environment: Any = {"cpu_model": words, "gpu_model": words, "os": words, "torch": words, words[:20]: words}
    for seed in range(3):
        for model in ("mlp", "cnn"):
            run = make_run(model, seed, 0.9 + seed / 100).model_copy(update={"environment": environment})
            if model == "mlp":
                left_out = {"channels_last": words[:200], "flops": words[:200]}
                execution = Execution(mode="eager", reason=words[:200], left_out=left_out)
                run = flagged(run.model_copy(update={"execution": execution}), f"{seed} {words}"[:300])
            save_run(results, run, make_predictions(0.9), b"")
            for probe in ("features", "network"):
                notes = {"layers": words, "left_out": words, "layer": words}
                save_probe(results, make_probe(run, probe, clean=0.9).model_copy(update={"notes": notes}))
    failed = make_run("softmax", 5, status="error").model_copy(update={"error": words[:500]})
    save_run(results, failed.model_copy(update={"environment": environment}))
    save_throughput(results, make_speed().model_copy(update={"environment": environment}))
    save_throughput(results, make_peers().model_copy(update={"environment": environment}))


class Tags(HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def check_pages(results: Path) -> None:
    """No tag, link, handler, control character or formula of the records' making in any page."""
    page = (results / "README.md").read_text()
    # GitHub's Markdown takes tags; so does this one
    for text in ((results / "report.html").read_text(), MarkdownIt("gfm-like", {"linkify": False}).render(page)):
        for tag, attributes in Tags(text).seen:
            assert tag != "img" or "onerror" not in attributes
            assert "hostile" not in (attributes.get("class") or "")
            assert not any(name.startswith("on") for name in attributes)
            assert not (attributes.get("href") or "").startswith("javascript")
    assert [tag for tag, _ in Tags((results / "report.html").read_text()).seen].count("script") <= 2
    for path in (results / "README.md", results / "report.html", *(results / "tables").iterdir()):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", path.read_text()), path.name
    for cell in cells(results / "tables"):
        assert not re.match(r"[=@]|[+-](?![\d.])", cell), cell


def cells(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        with path.open(newline="") as file:
            for row in csv.reader(file, strict=True):
                yield from row


def test_words_of_records_are_text_on_every_page(tmp_path: Path) -> None:
    save_all(tmp_path, HOSTILE)
    rendered = render(tmp_path)
    check_pages(tmp_path)
    assert rendered.terminal_text().replace("\n", "").isprintable()
    assert "&lt;b class=hostile&gt;" in rendered.html.read_text(), "shown, not swallowed"
    assert all(str(problem).isprintable() for problem in rendered.problems)


@pytest.mark.parametrize("cases", [pytest.param(5, marks=pytest.mark.slow), pytest.param(25, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
def test_any_words_are(tmp_path_factory: pytest.TempPathFactory, cases: int) -> None:
    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(FREE_TEXT | st.sampled_from(HOSTILE.split()), min_size=1, max_size=6).map("".join).filter(bool))
    def check(words: str) -> None:
        results = tmp_path_factory.mktemp("results")
        save_all(results, words)
        render(results)
        check_pages(results)

    check()


ANSWERS = {record.probe: record.numbers for record in load_probes(ROOT / "results")[0]}
NUMBERS = st.integers(0, 2**40) | st.floats(0, 1e300) | st.sampled_from([0, 1, 1e-300, 1e300])


def changed(draw: st.DrawFn, record: Any) -> Any:
    """The record with up to three of its values replaced by others that its schema takes."""
    value = json.loads(record.model_dump_json(by_alias=True))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(locations(value)[1:]))
        inside = value
        for step in way:
            inside = inside[step]
        if draw(st.booleans()) and isinstance(inside, dict):
            before = inside.pop(last)
        else:
            before, inside[last] = inside[last], draw(NUMBERS | JSON)
        try:
            type(record).model_validate_json(json.dumps(value))
        except ValidationError:
            inside[last] = before
    return type(record).model_validate_json(json.dumps(value))


@st.composite
def strange_results(draw: st.DrawFn) -> list[Any]:
    """Some records of each kind that say what cannot be, and pass their schema."""
    runs = [make_run(model, seed) for seed in range(2) for model in ("mlp", "cnn")]
    strange = [changed(draw, run) for run in runs]
    answers = [
        changed(draw, make_probe(run, probe, **ANSWERS[probe]))
        for run in strange
        for probe in draw(st.sets(st.sampled_from(sorted(ANSWERS))))
    ]
    return [*strange, *answers, changed(draw, make_speed()), changed(draw, make_peers())]


@pytest.mark.parametrize("cases", [3, pytest.param(60, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
def test_records_that_cannot_be_true_never_stop_the_report(
    tmp_path_factory: pytest.TempPathFactory, cases: int
) -> None:
    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strange_results())
    def check(records: list[Any]) -> None:
        results = tmp_path_factory.mktemp("results")
        for record in records:
            if isinstance(record, Run):
                save_run(results, record, make_predictions(0.9), b"")
            elif isinstance(record, ProbeRecord):
                save_probe(results, record)
            else:
                save_throughput(results, record)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of numbers too large to square
            rendered = render(results)
        assert rendered.html.stat().st_size > 1000
        check_pages(results)

    check()
