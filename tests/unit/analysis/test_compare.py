"""Two folders of hand-written records through the real command."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.compare import apply_gates, find_changes, open_side, parse_gate
from bench.analysis.compare.changes import Change
from bench.analysis.noise_floor import noise_floors, noise_key, noise_runs
from bench.common.errors import UserError
from bench.records.schema import Run
from tests.conftest import Command
from tests.support.factories import MACHINE, make_run
from tests.support.results import save_runs

EPOCH_S = (10.0, 10.2, 9.9)


def cnn(slower: float = 1.0, accuracy: float = 0.99, seeds: int = 3, **changes: Any) -> list[Run]:
    return [
        make_run("cnn", seed, accuracy, EPOCH_S[seed] * slower * (1 + (slower != 1) * seed / 500), **changes)
        for seed in range(seeds)
    ]


def changes(base: Path, new: Path) -> dict[str, Change]:
    with open_side(str(base)) as before, open_side(str(new)) as after:
        return {change.name: change for change in find_changes(before, after)}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "base", *cnn())


def test_the_same_records_have_not_changed(base: Path) -> None:
    found = changes(base, base)
    assert {change.mark for change in found.values()} == {""}
    assert {change.note for change in found.values()} == {"the same records"}


@pytest.mark.parametrize(
    ("metric", "change", "mark"),
    [
        ("epoch_s", {"slower": 1.3}, "+"),
        ("epoch_s", {"slower": 0.7}, "-"),
        ("epoch_s", {"slower": 1.05}, ""),  # below the 10 % from which on a difference between two days is shown
        ("test_accuracy", {"accuracy": 0.95}, "+"),
        ("test_accuracy", {"accuracy": 0.9999}, "-"),
        ("test_accuracy", {"accuracy": 0.9901}, ""),
    ],
)
def test_the_mark_knows_which_direction_is_better(
    tmp_path: Path, base: Path, metric: str, change: dict[str, float], mark: str
) -> None:
    found = changes(base, save_runs(tmp_path / "new", *cnn(later=100, **change), draw=10))
    assert found[f"cnn.{metric}"].mark == mark


def test_a_large_change_that_may_be_chance_is_shown_and_marked(tmp_path: Path, base: Path) -> None:
    slow_once = [make_run("cnn", seed, 0.99, second, later=100) for seed, second in enumerate((10.0, 18.0, 19.0))]
    change = changes(base, save_runs(tmp_path / "new", *slow_once))["cnn.epoch_s"]
    assert change.change > 0.5
    assert change.p_value > 0.05
    assert change.mark == "~"


def test_one_seed_is_never_significant(tmp_path: Path) -> None:
    one = save_runs(tmp_path / "base", *cnn(seeds=1))
    other = save_runs(tmp_path / "new", *cnn(3.0, 0.5, seeds=1, later=9))
    assert {change.mark for change in changes(one, other).values()} == {"~", ""}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"precision": "bf16"}, "precision fp32 -> bf16"),
        ({"device": "cuda"}, "machine test-cpu-0123 (cpu) -> test-cpu-0123 (cuda)"),
        ({"epochs": 3}, "epochs 2 -> 3"),
        ({"learning_rate": 0.1}, "learning_rate 0.001 -> 0.1"),
        ({"machine": MACHINE.model_copy(update={"id": "ffffffff"})}, "test-cpu-0123 (cpu) -> test-cpu-ffff (cpu)"),
    ],
)
def test_what_may_not_be_compared_is_marked_and_not_compared(
    tmp_path: Path, base: Path, changed: dict[str, Any], reason: str
) -> None:
    found = changes(base, save_runs(tmp_path / "new", *cnn(2.0, **changed)))
    assert list(found) == ["cnn.all"]
    assert found["cnn.all"].mark == "x"
    assert reason in found["cnn.all"].note


def test_other_threads_are_another_speed_but_the_same_accuracy(tmp_path: Path, base: Path) -> None:
    found = changes(base, save_runs(tmp_path / "new", *cnn(0.5, threads=4)))
    assert (found["cnn.epoch_s"].mark, found["cnn.epoch_s"].note) == ("x", "threads 2 -> 4")
    assert found["cnn.test_accuracy"].mark == ""


def test_what_only_one_side_has_is_named(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", make_run("mlp"), make_run("cnn", seed=7))
    assert {name: change.note for name, change in changes(base, new).items()} == {
        "cnn.all": "no seed in common: 0, 1, 2 -> 7",
        "mlp.all": "only in NEW",
    }
    assert changes(new, base)["mlp.all"].note == "only in BASE"


def test_a_seed_that_one_side_lacks_is_said(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(seeds=2))
    assert {change.note for change in changes(base, new).values()} == {"seed 2 only in BASE"}
    assert {change.note for change in changes(new, base).values()} == {"seed 2 only in NEW"}


def test_a_failure_is_seen_and_so_is_its_end(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(seeds=2), make_run("cnn", 2, later=50, status="diverged"))
    assert changes(base, new)["cnn.status"].mark == "!"
    assert "seed 2 diverged" in changes(base, new)["cnn.status"].note
    assert changes(new, base)["cnn.status"].mark == "*"
    assert changes(base, new)["cnn.epoch_s"].mark == "", "the other seeds are still compared"


def test_an_interrupted_run_says_nothing(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(), make_run("cnn", 2, later=50, status="interrupted"))
    assert "cnn.status" not in changes(base, new)


def test_a_gate_fires_on_the_change_and_names_its_certainty(command: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.3, accuracy=0.95, later=9))
    done = command("compare", base, new, "--fail", "test_accuracy:0.3pp", "--fail", "epoch_s:10%")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("regression: ")]
    assert lines[0].startswith("regression: cnn.test_accuracy is worse by 4.00 pp, gate test_accuracy:0.3pp (p ")
    assert lines[1].startswith("regression: cnn.epoch_s is worse by 30.0 %, gate epoch_s:10% (p ")
    assert "noise floor unknown for cnn.epoch_s, cnn.test_accuracy: 'make noise'" in done.stderr
    assert command("compare", new, base, "--fail", "test_accuracy:0.3pp", "--fail", "epoch_s:10%").returncode == 0


def test_a_model_has_a_gate_of_its_own(command: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.12))
    assert command("compare", base, new, "--fail", "epoch_s:10%").returncode == 1
    assert command("compare", base, new, "--fail", "epoch_s:10%", "--fail", "cnn.epoch_s:15%").returncode == 0
    assert command("compare", base, new, "--fail", "cnn.epoch_s:10%", "--fail", "epoch_s:15%").returncode == 1


def test_a_model_that_fails_now_breaks_its_gate(command: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(seeds=2), make_run("cnn", 2, status="error"))
    done = command("compare", base, new, "--fail", "test_accuracy:1pp")
    assert done.returncode == 1
    assert "regression: cnn fails now: seed 2 error: worker killed" in done.stdout


def test_a_gate_below_the_noise_floor_is_refused(command: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.2))
    save_runs(new / "noise", *(make_run("cnn", epoch_s=seconds, later=seconds) for seconds in (10.0, 11.0, 10.5)))
    done = command("compare", base, new, "--fail", "epoch_s:5%")
    assert done.returncode == 2
    assert "tighter than the noise floor of cnn.epoch_s" in done.stderr
    assert "3 repeats of the same trial differed by 10.0 %" in done.stderr
    assert command("compare", base, new, "--fail", "epoch_s:25%").stderr == ""


def test_the_floor_decides_what_is_large(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.3, later=9))
    save_runs(new / "noise", *(make_run("cnn", epoch_s=seconds, later=seconds) for seconds in (10.0, 14.0)))
    assert changes(base, new)["cnn.epoch_s"].mark == "", "30 % slower, where nothing at all can make 40 %"


def test_only_repeats_of_the_same_code_make_a_floor(tmp_path: Path) -> None:
    repeats = [make_run("cnn", epoch_s=seconds, later=seconds) for seconds in (10.0, 11.0)]
    other_code = make_run("cnn", epoch_s=20.0).model_copy(update={"key": "f" * 16})
    floors = noise_floors([*repeats, other_code])
    assert floors[noise_key(other_code), "epoch_s"].change == pytest.approx(0.1)
    assert floors[noise_key(other_code), "test_accuracy"].change == 0
    assert noise_floors([other_code]) == {}
    assert noise_runs(tmp_path) == []


def test_a_base_without_records_is_a_sentence(command: Command, tmp_path: Path, base: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = command("compare", tmp_path / "empty", base, "--fail", "epoch_s:10%")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("empty holds no records yet: nothing to compare with\n")
    assert command("compare", base, tmp_path / "empty").returncode == 2


def test_records_are_read_out_of_git(command: Command, tmp_path: Path, base: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    base.rename(tmp_path / "results")
    git("add", "results")
    git("commit", "-m", "records")
    save_runs(tmp_path / "results", *cnn(1.5, later=100))
    done = command("compare", "HEAD:results", "results", "--fail", "epoch_s:10%", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    epoch = next(change for change in answer["changes"] if change["metric"] == "epoch_s")
    assert epoch["change"] == pytest.approx(0.5, abs=0.01)
    assert epoch["mark"] == "+"
    assert len(answer["regressions"]) == 1
    (tmp_path / "sub").mkdir()
    assert command("compare", "HEAD:results", "../results", cwd=tmp_path / "sub").returncode == 0


def test_a_foreign_file_is_named_and_the_rest_compared(command: Command, tmp_path: Path, base: Path) -> None:
    (base / "runs" / "foreign.json").write_text("{}")
    done = command("compare", base, save_runs(tmp_path / "new", *cnn()))
    assert done.returncode == 2
    assert "cnn.epoch_s" in done.stdout
    assert "skipped foreign.json" in done.stderr


def test_sorted_and_filtered(command: Command, tmp_path: Path, base: Path) -> None:
    save_runs(base, *(make_run("mlp", seed, epoch_s=1 + seed / 100) for seed in range(3)))
    mlp = [make_run("mlp", seed, epoch_s=2 + seed / 50, later=9) for seed in range(3)]
    new = save_runs(tmp_path / "new", *cnn(1.2, later=9), *mlp)
    lines = command("compare", base, new, "--sort", "change", "--only-changed").stdout.splitlines()
    names = [line.split("|")[6].strip() for line in lines if line.startswith("|")][2:]
    assert [name.split(".")[0] for name in names] == ["mlp"] * 3 + ["cnn"] * 3
    assert set(names) == {
        f"{model}.{metric}" for model in ("mlp", "cnn") for metric in ("epoch_s", "eval_s", "trial_s")
    }


def test_a_gate_for_a_model_that_is_not_there_names_the_nearest(command: Command, base: Path) -> None:
    done = command("compare", base, base, "--fail", "cnm.epoch_s:10%")
    assert (done.returncode, done.stderr) == (2, "error: unknown model 'cnm': did you mean 'cnn'? known are cnn\n")


def test_the_last_of_several_gates_counts(base: Path, tmp_path: Path) -> None:
    found = list(changes(base, save_runs(tmp_path / "new", *cnn(1.2))).values())
    gates = [parse_gate("epoch_s:10%"), parse_gate("epoch_s:30%")]
    assert apply_gates(found, gates).regressions == []
    with pytest.raises(UserError, match="no gate"):
        parse_gate("")


def test_text_from_a_record_cannot_break_the_table(command: Command, tmp_path: Path, base: Path) -> None:
    bad = make_run("cnn", 2, status="error").model_copy(update={"error": "a|b\n<script>"})
    done = command("compare", base, save_runs(tmp_path / "new", *cnn(seeds=2), bad))
    assert "a\\|b &lt;script>" in done.stdout


def test_repeats_of_a_real_trial_give_the_same_weights_and_a_floor_of_their_times(
    command: Command, tmp_path: Path
) -> None:
    done = command("noise", "--models", "softmax", "--repeats", "2", "--epochs", "2", "--json")
    assert done.returncode == 0, done.stderr
    (floor,) = json.loads(done.stdout)
    assert (floor["model"], floor["repeats"], floor["test_accuracy"]) == ("softmax", 2, 0)
    assert floor["epoch_s"] > 0
    runs = noise_runs(tmp_path / "results")
    assert len({run.result.test_loss for run in runs if run.result}) == 1
    assert all(run.clock is not None and run.clock.startup_s > 0.5 for run in runs), "each in a process of its own"
    assert "## Noise floor" in (tmp_path / "results" / "README.md").read_text()
    assert "No finished run yet" in (tmp_path / "results" / "README.md").read_text(), "repeats are no results"
