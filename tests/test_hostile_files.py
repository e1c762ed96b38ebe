"""Files from a stranger among the results: named and skipped, or shown as text; never executed."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from bench.errors import UserError
from bench.foreign import MAX_BYTES
from bench.peer_records import load_peers, save_peers
from bench.probe_records import load_probes, save_probe
from bench.probes.trained import load_weights
from bench.saved_benchmarks import saved_runs
from bench.speed_records import load_speed, save_speed
from bench.storage import load_predictions, load_runs, runs_dir, save_run
from bench.trials import portable_weights
from models import create_model
from tests.factories import MACHINE, make_peers, make_predictions, make_probe, make_run, make_speed

GOOD = make_run()
RECORDS = [
    (load_runs, save_run, make_run("mlp")),
    (load_probes, save_probe, make_probe(GOOD, clean=0.9)),
    (load_speed, save_speed, make_speed()),
    (load_peers, save_peers, make_peers()),
]
KEPT_BY_PLACE = (False, False, True, True)
"""Of the speed of a place, and of other frameworks there, the newest record counts."""
FREE_TEXT = st.text(max_size=30) | st.sampled_from(
    ["<script>alert(1)</script>", "=HYPERLINK(1)", "../../x", "a\nb", "\x1b[31m", "`|`", "]("]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | FREE_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FREE_TEXT, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside, itself included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inside for place in places(each, (*path, key)))]


def cut(good: bytes) -> st.SearchStrategy[bytes]:
    """Only the beginning."""
    return st.integers(0, len(good) - 1).map(lambda end: good[:end])


@st.composite
def overwritten(draw: st.DrawFn, good: bytes, most: int = 20, often_before: int = 0) -> bytes:
    """Up to ``most`` bytes replaced by as many others at most, half of the time among the first ``often_before``."""
    anywhere = st.integers(0, len(good) - 1)
    start = draw(st.integers(0, often_before) | anywhere if often_before else anywhere)
    return good[:start] + draw(st.binary(max_size=most)) + good[start + draw(st.integers(0, most)) :]


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
    *way, last = draw(st.sampled_from(places(value)[1:]))
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
    found, problems = load(results)
    newest_alone = KEPT_BY_PLACE[kind]
    assert record in found or (newest_alone and len(found) == 1), "only a newer record may take its place"
    for problem in problems:
        assert problem.path.name == "foreign.json"
        assert str(problem).isprintable()
        assert len(str(problem)) < 500
    assert contents(results) == before


many = pytest.mark.parametrize("cases", [20, pytest.param(1000, marks=pytest.mark.slow)])
kinds = pytest.mark.parametrize("kind", range(len(RECORDS)), ids=["run", "probe", "speed", "peers"])


@many
@kinds
def test_a_damaged_record_is_named_or_read_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, kind: int, cases: int
) -> None:
    results = tmp_path_factory.mktemp("results")

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(broken_json(RECORDS[kind][2].model_dump_json(by_alias=True)))
    def each(content: bytes) -> None:
        check_a_damaged_record(results, content, kind)

    each()


@st.composite
def broken_npz(draw: st.DrawFn, good: bytes) -> bytes:
    """A file of arrays, damaged: cut, overwritten, or with other arrays."""
    how = draw(st.sampled_from(["cut", "bytes", "arrays", "member"]))
    if how in ("cut", "bytes"):
        return draw(cut(good) if how == "cut" else overwritten(good, most=50))
    arrays = {name: np.asarray(array) for name, array in np.load(io.BytesIO(good)).items()}
    name = draw(st.sampled_from(sorted(arrays)))
    if how == "member":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for each in arrays:
                archive.writestr(
                    draw(st.sampled_from([f"{each}.npy", each, "../x.npy"])), draw(st.binary(max_size=200))
                )
        return buffer.getvalue()
    shape = draw(st.sampled_from([(), (0,), (3,), arrays[name].shape, (2, 28, 28), (*arrays[name].shape, 1)]))
    dtype = draw(st.sampled_from(["uint8", "int64", "float32", "<U3", "complex64", "datetime64[s]", "bool"]))
    arrays[name] = np.full(shape, 200 if dtype == "uint8" else 1).astype(dtype)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def packed(run_predictions: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **vars(run_predictions))
    return buffer.getvalue()


@pytest.mark.parametrize("cases", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_predictions_are_none_or_of_the_right_kind(
    tmp_path_factory: pytest.TempPathFactory, cases: int
) -> None:
    results, run = tmp_path_factory.mktemp("results"), make_run()
    save_run(results, run, make_predictions(), b"")
    assert run.artifacts is not None
    path = runs_dir(results, run.machine) / run.artifacts.predictions

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(broken_npz(packed(make_predictions())))
    def each(content: bytes) -> None:
        path.write_bytes(content)
        loaded = load_predictions(results, run)
        if loaded:
            assert loaded.labels.shape == loaded.predicted.shape == (10_000,)
            assert loaded.labels.dtype == loaded.predicted.dtype == loaded.example_images.dtype == np.uint8
            assert loaded.labels[loaded.example_index].shape == loaded.example_confidence.shape

    each()


def weights_of(model: nn.Module) -> bytes:
    return bytes(safetensors.torch.save(portable_weights(model)))


@st.composite
def broken_weights(draw: st.DrawFn, good: bytes) -> bytes:
    """A safetensors file, damaged: cut, overwritten, most often in its header, or with other tensors."""
    how = draw(st.sampled_from(["cut", "bytes", "header", "tensors"]))
    if how in ("cut", "bytes"):
        return draw(cut(good) if how == "cut" else overwritten(good, often_before=200))
    if how == "header":
        header = json.dumps(draw(JSON)).encode()
        return len(header).to_bytes(8, "little") + header + good[-1000:]
    shape = draw(st.lists(st.integers(0, 20), max_size=3))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.int8, torch.bool, torch.bfloat16]))
    names = draw(st.lists(st.sampled_from(["0.weight", "1.weight", "1.bias", "../x"]), unique=True))
    return bytes(safetensors.torch.save({name: torch.ones(shape, dtype=dtype) for name in names}))


@pytest.mark.parametrize("cases", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_weights_are_one_line_or_those_of_the_model(
    tmp_path_factory: pytest.TempPathFactory, cases: int
) -> None:
    path, model = tmp_path_factory.mktemp("weights") / "w.safetensors", create_model("softmax")

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(broken_weights(weights_of(model)))
    def each(content: bytes) -> None:
        path.write_bytes(content)
        try:
            load_weights(path, model)
        except UserError as error:
            assert "\n" not in str(error)
            assert "w.safetensors" in str(error)

    each()


def test_weights_that_hold_pickled_code_do_not_run_it(tmp_path: Path) -> None:
    path, model = tmp_path / "w.safetensors", create_model("softmax")
    torch.save({"1.weight": Mark(tmp_path / "executed")}, path)
    with pytest.raises(UserError, match=r"the weights w\.safetensors are damaged"):
        load_weights(path, model)
    assert not (tmp_path / "executed").exists()
    path.write_bytes(weights_of(create_model("mlp")))
    with pytest.raises(UserError, match="those of another architecture; remove the file and the model is trained"):
        load_weights(path, model)
    path.write_bytes(weights_of(model))
    load_weights(path, model)


class Mark:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def test_arrays_that_hold_pickled_code_do_not_run_it(tmp_path: Path) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(), b"")
    assert run.artifacts is not None
    labels = np.array([Mark(tmp_path / "executed")], dtype=object)
    np.savez(
        runs_dir(tmp_path, run.machine) / run.artifacts.predictions, **(vars(make_predictions()) | {"labels": labels})
    )
    assert load_predictions(tmp_path, run) is None
    assert not (tmp_path / "executed").exists()


def test_arrays_that_unpack_to_more_than_there_is_memory_are_none(tmp_path: Path) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(), b"")
    assert run.artifacts is not None
    with (
        zipfile.ZipFile(runs_dir(tmp_path, run.machine) / run.artifacts.predictions, "w", zipfile.ZIP_DEFLATED) as bomb,
        bomb.open("labels.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(
            member,
            {"shape": (10**12,), "fortran_order": False, "descr": "|u1"},  # type: ignore[arg-type]
        )
        for _ in range(2 * MAX_BYTES // 2**20):
            member.write(bytes(2**20))
    assert load_predictions(tmp_path, run) is None


@pytest.mark.parametrize(
    ("make", "said"),
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
def test_what_is_no_file_inside_is_not_opened(tmp_path: Path, make: Callable[[Path, Path], object], said: str) -> None:
    save_run(tmp_path / "results", GOOD)
    outside = tmp_path / "outside.json"
    outside.write_text(make_run("mlp").model_dump_json(by_alias=True))
    make(runs_dir(tmp_path / "results", MACHINE) / "foreign.json", outside)
    found, problems = load_runs(tmp_path / "results")
    assert found == [GOOD]
    assert [said in str(problem) for problem in problems] == [True]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device of endless content")
def test_a_gigabyte_of_nesting_is_named_without_being_read(tmp_path: Path) -> None:
    save_run(tmp_path, GOOD)
    path = runs_dir(tmp_path, MACHINE) / "foreign.json"
    with path.open("wb") as file:
        file.write(b'{"epochs":[[[[')
        file.truncate(2**30)  # a hole: a gigabyte to whoever reads it, nothing on the disk
    found, problems = load_runs(tmp_path)
    assert found == [GOOD]
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
