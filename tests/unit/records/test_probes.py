"""Records of probes."""

from pathlib import Path

import pytest

from bench.records.probes import latest_answers, load_probes, save_probe
from bench.records.schema import Run
from bench.report import render
from tests.support.factories import make_probe
from tests.support.results import build_results


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return build_results(tmp_path, {"mlp": 0.99, "cnn": 0.99})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', "\x00", '{"numbers": {"clean": NaN}}'])
def test_what_is_no_probe_record_is_named_and_kept(tmp_path: Path, runs: list[Run], text: str) -> None:
    path = save_probe(tmp_path, make_probe(runs[0], clean=0.9)).with_name("foreign.json")
    path.write_text(text)
    records, problems = load_probes(tmp_path)
    assert len(records) == 1
    assert [problem.path.name for problem in problems] == ["foreign.json"]
    assert path.read_text() == text
    assert len(render(tmp_path).problems) == 1


def test_the_answer_on_most_images_counts_and_of_those_the_newest(runs: list[Run]) -> None:
    records = [
        make_probe(runs[0], images=500, later=3, clean=0.1),
        make_probe(runs[0], later=1, clean=0.2),
        make_probe(runs[0], later=2, clean=0.3),
    ]
    assert latest_answers("distortion", records)[runs[0].stem].numbers == {"clean": 0.3}
    assert latest_answers("other", records) == {}
