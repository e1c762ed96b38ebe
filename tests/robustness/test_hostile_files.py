"""Files from a stranger among the results: named and skipped, or shown as text; never executed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.common.untrusted import MAX_BYTES
from bench.records.probes import load_probes, save_probe
from bench.records.pytest_benchmarks import saved_runs
from bench.records.storage import load_runs, runs_dir, save_run
from bench.records.throughput import load_throughput, save_throughput
from tests.conftest import ROOT
from tests.support.damage import FREE_TEXT, JSON, cut, locations, overwritten
from tests.support.factories import MACHINE, make_peers, make_probe, make_run, make_speed

GOOD = make_run()
RECORDS = [
    (load_runs, save_run, make_run("mlp")),
    (load_probes, save_probe, make_probe(GOOD, clean=0.9)),
    (load_throughput, save_throughput, make_speed()),
    (load_throughput, save_throughput, make_peers()),
]
KEPT_BY_PLACE = (False, False, True, True)
"""Of the speed of a place, and of other frameworks there, the newest record counts."""


@st.composite
def broken_json(draw: st.DrawFn, good: str) -> bytes:
    """The text of a record, damaged: cut, overwritten, nested, or with another value, a name twice or a name less."""
    content = good.encode()
    how = draw(st.sampled_from(["cut", "bytes", "nested", "value", "twice", "less", "more"]))
    if how in ("cut", "bytes"):
        return draw(cut(content) if how == "cut" else overwritten(content))
    if how == "nested":
        depth = draw(st.integers(1, 50_000))
        return b'{"epochs":' + draw(st.sampled_from([b"[", b'{"a":'])) * depth
    value = json.loads(good)
    *way, last = draw(st.sampled_from(locations(value)[1:]))
    inside = value
    for step in way:
        inside = inside[step]
    if how == "twice" and isinstance(last, str):
        return content.replace(f'"{last}":'.encode(), f'"{last}": null, "{last}":'.encode(), 1)
    if how == "less" or how == "twice":
        del inside[last]
    elif how == "more":
        inside_is_dict = isinstance(inside, dict)
        inside.update({draw(FREE_TEXT): draw(JSON)}) if inside_is_dict else inside.append(draw(JSON))
    else:
        inside[last] = draw(JSON)
    return json.dumps(value).encode()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_a_damaged_record(results: Path, content: bytes, kind: int) -> None:
    load, save, record = RECORDS[kind]
    path = save(results, record)  # type: ignore[operator]
    path.with_name("foreign.json").write_bytes(content)
    before = contents(results)
    records, problems = load(results)
    newest_alone = KEPT_BY_PLACE[kind]
    assert record in records or (newest_alone and len(records) == 1), "only a newer record may take its place"
    for problem in problems:
        assert problem.path.name == "foreign.json"
        assert str(problem).isprintable()
        assert len(str(problem)) < 500
    assert contents(results) == before


many = pytest.mark.parametrize("cases", [20, pytest.param(1000, marks=pytest.mark.slow)])
TEXTS = [record.model_dump_json(by_alias=True) for _, _, record in RECORDS]
OLD = [(ROOT / "tests" / "support" / "golden" / f"{name}-schema-1.json").read_text() for name in ("speed", "peers")]
kinds = pytest.mark.parametrize(
    ("kind", "text"),
    [*enumerate(TEXTS), *enumerate(OLD, start=2)],
    ids=["run", "probe", "speed", "peers", "speed of schema 1", "peers of schema 1"],
)


@many
@kinds
def test_a_damaged_record_is_named_or_read_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, kind: int, text: str, cases: int
) -> None:
    results = tmp_path_factory.mktemp("results")

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(broken_json(text))
    def check(content: bytes) -> None:
        check_a_damaged_record(results, content, kind)

    check()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path, _: path.mkdir(), "no regular file"),
        (lambda path, _: os.mkfifo(path), "no regular file"),
        (lambda path, _: path.symlink_to("/dev/zero"), "a link that leads out of the folder"),
        (lambda path, outside: path.symlink_to(outside), "a link that leads out of the folder"),
        (lambda path, _: path.symlink_to("nowhere"), "unreadable"),
        (lambda path, _: path.symlink_to(path), "unreadable"),
        (lambda path, _: path.write_bytes(b"[" * (MAX_BYTES + 1)), "at most 67,108,864 are read"),
    ],
    ids=["folder", "pipe", "device", "link", "dangling", "circle", "huge"],
)
def test_what_is_no_file_inside_is_not_opened(tmp_path: Path, make: Callable[[Path, Path], object], error: str) -> None:
    save_run(tmp_path / "results", GOOD)
    outside = tmp_path / "outside.json"
    outside.write_text(make_run("mlp").model_dump_json(by_alias=True))
    make(runs_dir(tmp_path / "results", MACHINE) / "foreign.json", outside)
    runs, problems = load_runs(tmp_path / "results")
    assert runs == [GOOD]
    assert [error in str(problem) for problem in problems] == [True]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device of endless content")
def test_a_gigabyte_of_nesting_is_named_without_being_read(tmp_path: Path) -> None:
    save_run(tmp_path, GOOD)
    path = runs_dir(tmp_path, MACHINE) / "foreign.json"
    with path.open("wb") as file:
        file.write(b'{"epochs":[[[[')
        file.truncate(2**30)  # a hole: a gigabyte to whoever reads it, nothing on the disk
    runs, problems = load_runs(tmp_path)
    assert runs == [GOOD]
    assert "1,073,741,824 bytes; at most" in str(problems[0])


@pytest.mark.parametrize("folder", ["runs", "probes", "tables", "plots"])
def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path, folder: str) -> None:
    from bench.report import render

    results, outside = tmp_path / "results", tmp_path / "outside"
    outside.mkdir()
    results.mkdir()
    (results / folder).symlink_to(outside)
    with pytest.raises(Exception, match="link that leads out of the folder"):
        if folder == "runs":
            save_run(results, GOOD)
        elif folder == "probes":
            save_probe(results, make_probe(GOOD, clean=0.9))
        else:
            render(results)
    assert list(outside.iterdir()) == []


def test_a_benchmark_run_that_is_none_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / MACHINE.name
    folder.mkdir(parents=True)
    for number, content in enumerate((b"", b"[]", b"[" * 10**6, b'{"benchmarks": 3}', b"\xff", b'{"a": 1, "a": 2}')):
        (folder / f"{number:04d}_x.json").write_bytes(content)
    assert saved_runs(tmp_path) == {}
