"""Results folders of hand-written records, put together."""

import json
import os
import shutil
from pathlib import Path

import pytest

from bench.analysis.compare import find_changes, open_side
from bench.analysis.groups import group_by_condition
from bench.analysis.noise_floor import noise_runs
from bench.records.machines import Machine
from bench.records.merge import merge_into
from bench.records.probes import load_arrays, load_probes, save_probe
from bench.records.storage import load_predictions, load_runs, save_run
from bench.records.throughput import load_throughput, save_throughput
from tests.conftest import Command
from tests.support.factories import MACHINE, make_peers, make_predictions, make_probe, make_run, make_speed
from tests.support.results import measured_files, save_runs

OTHER = Machine(slug="other-cpu", id="beef0000")
NAMESAKE = Machine(slug=MACHINE.slug, id=MACHINE.id[:4] + "ffff")


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "one", make_run("cnn", 0), make_run("mlp", 1, later=1))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "two", make_run("cnn", 0, machine=OTHER), make_run("mlp", 1, machine=OTHER, later=1))


def test_each_machine_has_its_rows_and_a_second_time_changes_nothing(
    in_process: Command, tmp_path: Path, one: Path, two: Path
) -> None:
    done = in_process("merge", one, two, "--results", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "test-cpu-0123 (cpu)" in done.stdout
    assert "other-cpu-beef (cpu)" in done.stdout
    assert "merged: 4 copied" in done.stdout
    assert measured_files(tmp_path / "out") == measured_files(one) | measured_files(two)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").rglob("*")}
    again = merge_into(tmp_path / "out", [one, two])
    assert (again.copied, again.already_there) == ([], 4)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").rglob("*")} == before


def test_everything_that_was_measured_comes_along(tmp_path: Path, one: Path) -> None:
    run = make_run("cnn", 0)
    answer = make_probe(run, clean=0.9).model_copy(update={"arrays": "its.npz"})
    save_probe(one, answer, {"a": make_predictions().labels})
    save_throughput(one, make_speed())
    save_throughput(one, make_peers())
    save_runs(one / "noise", *(make_run("cnn", 0, later=later) for later in range(3)))
    failed = make_run("cnn", 7, status="error")
    save_run(one, failed)
    (one / "runs" / MACHINE.name / f"{failed.stem}.log").write_text("Traceback")
    saved = one / "benchmarks" / MACHINE.name / "0001_c0ffee_20260102.json"
    saved.parent.mkdir(parents=True)
    saved.write_text(json.dumps({"benchmarks": []}))
    out = tmp_path / "out"
    assert merge_into(out, [one]).problems == []
    assert measured_files(out) == measured_files(one)
    assert load_predictions(out, run) is not None
    assert load_arrays(out, load_probes(out)[0][0])
    assert len(noise_runs(out)) == 3, "repeats of one key are what a noise floor is made of"
    assert [record.folder for record in load_throughput(out)[0]] == ["peers", "speed"]


def test_last_keeps_the_newest_done_of_a_key_and_all_keeps_all(tmp_path: Path) -> None:
    old, new = make_run("cnn", 0, 0.90), make_run("cnn", 0, 0.91, later=60)
    failed = make_run("cnn", 0, status="error", later=120)
    first, second = save_runs(tmp_path / "first", old, failed), save_runs(tmp_path / "second", new)
    save_probe(first, make_probe(old, clean=0.9))
    last = merge_into(tmp_path / "last", [first, second], "last")
    assert load_runs(tmp_path / "last")[0] == [new]
    assert load_probes(tmp_path / "last")[0] == [], "an answer goes with its run"
    assert last.superseded == 3
    every = merge_into(tmp_path / "all", [first, second], "all")
    assert load_runs(tmp_path / "all")[0] == [old, new, failed]
    assert (len(every.copied), every.superseded) == (4, 0)


def test_what_is_there_already_is_kept_though_it_is_older(tmp_path: Path) -> None:
    old, new = make_run("cnn", 0, 0.90), make_run("cnn", 0, 0.91, later=60)
    out, source = save_runs(tmp_path / "out", old), save_runs(tmp_path / "new", new)
    merge_into(out, [source])
    assert load_runs(out)[0] == [old, new]
    back = merge_into(source, [out])
    assert (load_runs(source)[0], back.superseded) == ([new], 1)


def test_two_contents_of_one_name_are_a_conflict_and_the_first_stays(tmp_path: Path, one: Path) -> None:
    other = shutil.copytree(one, tmp_path / "other")
    edited = next((other / "runs").rglob("cnn*.json"))
    edited.write_text(edited.read_text().replace("0.99", "0.98"))
    save_runs(other, make_run("softmax", 2, later=9))
    before = measured_files(one)
    (conflict,) = merge_into(one, [other]).conflicts
    assert conflict.startswith(f"{edited} differs from {one}")
    assert before.items() <= measured_files(one).items()
    assert {run.trial.model for run in load_runs(one)[0]} == {"cnn", "mlp", "softmax"}


def test_a_record_is_not_put_beside_the_predictions_of_another(tmp_path: Path, one: Path) -> None:
    out = shutil.copytree(one, tmp_path / "out")
    for path in (out / "runs").rglob("cnn*"):
        path.write_bytes(b"others") if path.suffix == ".npz" else path.unlink()
    merged = merge_into(out, [one])
    assert len(merged.conflicts) == 1
    assert [run.trial.model for run in load_runs(out)[0]] == ["mlp"]


def test_weights_that_only_one_copy_has_come_along(tmp_path: Path, one: Path) -> None:
    bare = shutil.copytree(one, tmp_path / "bare")
    for weights in bare.rglob("*.safetensors"):
        weights.unlink()
    merge_into(tmp_path / "out", [bare, one])
    assert measured_files(tmp_path / "out") == measured_files(one)


def test_foreign_files_are_named_and_the_rest_is_merged(in_process: Command, tmp_path: Path, one: Path) -> None:
    (one / "runs" / "foreign.json").write_text("[]")
    (one / "probes").mkdir()
    (one / "probes" / "broken.json").write_text("{")
    (one / "benchmarks").mkdir()
    (one / "benchmarks" / "loose.json").write_text("{}")
    hostile = json.loads(make_run("cnn", 5).model_dump_json(by_alias=True))
    hostile["artifacts"]["weights"] = "other.json"
    (one / "runs" / MACHINE.name / "hostile.json").write_text(json.dumps(hostile))
    (one / "runs" / MACHINE.name / "other.json").mkdir()
    other = shutil.copytree(one, tmp_path / "other")
    edited = next((other / "runs").rglob("cnn*.json"))
    edited.write_text(edited.read_text().replace("0.99", "0.98"))
    done = in_process("merge", one, edited.parents[2], "--results", tmp_path / "out", "--json")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    conflict, *lines = done.stderr.splitlines()
    assert conflict.startswith(f"error: conflict: {edited} differs from ")
    assert all(line.startswith("error: skipped ") for line in lines)
    names = ["foreign.json:", "hostile.json:", "broken.json:", "loose.json:"]
    assert [line.split()[2] for line in lines] == names * 2
    data = json.loads(done.stdout)
    assert (len(data["copied"]), data["already_there"], len(data["conflicts"]), len(data["problems"])) == (2, 1, 1, 8)
    assert len(load_runs(tmp_path / "out")[0]) == 2
    assert not [name for name in measured_files(tmp_path / "out") if "foreign" in name or "hostile" in name]


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path, one: Path, two: Path) -> None:
    secret = tmp_path / "secret.npz"
    secret.write_bytes(b"private")
    run = make_run("cnn", 0)
    predictions = one / "runs" / MACHINE.name / f"{run.stem}.npz"
    predictions.unlink()
    predictions.symlink_to(secret)
    (one / "runs" / OTHER.name).symlink_to(two / "runs" / OTHER.name)
    (one / "runs" / "gone.json").symlink_to(tmp_path / "nowhere")
    (one / "runs" / "loop.json").symlink_to(one / "runs" / "loop.json")
    os.mkfifo(one / "runs" / "pipe.json")
    inside = one / "runs" / MACHINE.name / "inside"
    (one / "kept").mkdir()
    mlp = next((one / "runs").rglob("mlp*.npz"))
    shutil.move(mlp, one / "kept" / "mlp.npz")
    mlp.symlink_to(one / "kept" / "mlp.npz")
    merged = merge_into(tmp_path / "out", [one])
    reasons = {problem.path.name: problem.reason for problem in merged.problems}
    assert "leads out of" in reasons.pop(f"{run.stem}.json")
    assert reasons.pop(OTHER.name) == "a link to a folder"
    assert "leads out of" in reasons.pop("gone.json")
    assert "Too many levels of symbolic links" in reasons.pop("loop.json")
    assert "no regular file" in reasons.pop("pipe.json")
    assert reasons == {}
    assert [run.trial.model for run in load_runs(tmp_path / "out")[0]] == ["mlp"]
    assert b"private" not in measured_files(tmp_path / "out").values()
    assert not inside.exists()


def test_the_folder_merged_into_may_be_one_of_them(tmp_path: Path, one: Path, two: Path) -> None:
    expected = measured_files(one) | measured_files(two)
    merged = merge_into(one, [one, two])
    assert measured_files(one) == expected
    assert (len(merged.copied), merged.conflicts) == (2, [])


def test_machines_of_the_same_name_are_not_mixed_up(tmp_path: Path, one: Path) -> None:
    runs = [make_run(model, seed, 0.8, machine=NAMESAKE, later=5) for seed, model in enumerate(("cnn", "mlp"))]
    there = save_runs(tmp_path / "there", *runs)
    out = tmp_path / "out"
    for folder in (one, there):
        (folder / "benchmarks" / MACHINE.name).mkdir(parents=True)
        (folder / "benchmarks" / MACHINE.name / "0001_c0ffee.json").write_text(json.dumps({"benchmarks": []}))
    merged = merge_into(out, [one, there])
    assert merged.notes == ["2 machines are called test-cpu-0123; the tables call them by their whole ids"]
    assert ["is left out: it is of one of 2 machines" in line for line in merged.conflicts] == [True, True]
    (comparison,) = group_by_condition(load_runs(out)[0])
    assert comparison.locations == ["test-cpu-0123abcd (cpu)", "test-cpu-0123ffff (cpu)"]
    assert {len(group.runs) for group in comparison.groups} == {1}
    assert all(load_predictions(out, run) for run in load_runs(out)[0])
    with open_side(str(one)) as before, open_side(str(there)) as after:
        assert {change.mark for change in find_changes(before, after)} == {"x"}
