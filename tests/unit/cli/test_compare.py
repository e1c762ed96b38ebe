"""The command on two folders of hand-written records."""

import json
from pathlib import Path

import pytest

from bench.analysis.compare.pairs import ELSEWHERE
from tests.conftest import Command
from tests.support.comparison import BOXES, cnn
from tests.support.factories import make_run
from tests.support.results import save_runs


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "base", *cnn())


def test_a_gate_fires_on_the_change_and_names_its_certainty(in_process: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.3, accuracy=0.95, later=9))
    done = in_process("compare", base, new, "--fail", "test_accuracy:0.3pp", "--fail", "epoch_s:10%")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("regression: ")]
    assert lines[0].startswith("regression: cnn.test_accuracy is worse by 4.00 pp, gate test_accuracy:0.3pp (p ")
    assert lines[1].startswith("regression: cnn.epoch_s is worse by 30.0 %, gate epoch_s:10% (p ")
    assert "noise floor unknown for cnn.epoch_s, cnn.test_accuracy: 'make noise'" in done.stderr
    assert in_process("compare", new, base, "--fail", "test_accuracy:0.3pp", "--fail", "epoch_s:10%").returncode == 0


def test_a_model_has_a_gate_of_its_own(in_process: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.12))
    assert in_process("compare", base, new, "--fail", "epoch_s:10%").returncode == 1
    assert in_process("compare", base, new, "--fail", "epoch_s:10%", "--fail", "cnn.epoch_s:15%").returncode == 0
    assert in_process("compare", base, new, "--fail", "cnn.epoch_s:10%", "--fail", "epoch_s:15%").returncode == 1


def test_a_model_that_fails_now_breaks_its_gate(in_process: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(seeds=2), make_run("cnn", 2, status="error"))
    done = in_process("compare", base, new, "--fail", "test_accuracy:1pp")
    assert done.returncode == 1
    assert "regression: cnn fails now: seed 2 error: worker killed" in done.stdout


def test_a_gate_below_the_noise_floor_is_refused(in_process: Command, tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.2))
    save_runs(new / "noise", *(make_run("cnn", epoch_s=seconds, later=seconds) for seconds in (10.0, 11.0, 10.5)))
    done = in_process("compare", base, new, "--fail", "epoch_s:5%")
    assert done.returncode == 2
    assert "tighter than the noise floor of cnn.epoch_s" in done.stderr
    assert "3 repeats of the same trial differed by 10.0 %" in done.stderr
    assert in_process("compare", base, new, "--fail", "epoch_s:25%").stderr == ""


def test_a_base_without_records_is_a_sentence(in_process: Command, tmp_path: Path, base: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = in_process("compare", "empty", base)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "empty holds no records yet: nothing to compare with\n"
    assert in_process("compare", "empty", base, "--markdown").stdout == (
        "**nothing to compare**: `empty holds no records yet`\n"
    )
    assert in_process("compare", base, "empty").returncode == 2


IDLE = {
    "no records": ([], "empty holds no records yet"),
    "another condition": (cnn(epochs=3), "cnn: epochs 3 -> 2"),
    "another machine": (
        cnn(machine=BOXES[0]),
        "cnn: system amd-epyc-2cpu-avx512 -> test-cpu-0123; hardware not recorded in NEW",
    ),
    "the same records": (cnn(), "cnn: the same records"),
    "interrupted": ([make_run(status="interrupted")], "cnn: only in NEW"),
}


@pytest.mark.parametrize("case", IDLE)
def test_where_no_gate_has_anything_to_judge_the_exit_code_is_2_and_a_line_says_why(
    in_process: Command, tmp_path: Path, base: Path, case: str
) -> None:
    before, reason = IDLE[case]
    save_runs(tmp_path / "empty", *before).mkdir(exist_ok=True)
    gates = "--fail", "epoch_s:10%", "--fail", "test_accuracy:1pp"
    done = in_process("compare", "empty", base, *gates)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: no gate had anything to judge ({reason}): compare new runs of the same trials on the same kind of "
        "machine, or allow it by --allow-idle\n",
    )
    allowed = in_process("compare", "empty", base, *gates, "--allow-idle")
    assert (allowed.returncode, allowed.stderr) == (0, f"warning: no gate had anything to judge ({reason})\n")
    assert allowed.stdout == done.stdout
    assert json.loads(in_process("compare", "empty", base, *gates, "--json").stdout)["idle"] == reason


def test_on_another_machine_of_the_kind_accuracy_is_judged_and_times_are_when_asked(
    in_process: Command, tmp_path: Path
) -> None:
    sides = save_runs(tmp_path / "a", *cnn(machine=BOXES[0])), save_runs(tmp_path / "b", *cnn(2.0, machine=BOXES[1]))
    both = in_process("compare", *sides, "--fail", "epoch_s:10%", "--fail", "test_accuracy:1pp")
    assert both.returncode == 0, "one gate has something to judge"
    assert f"warning: nothing to judge for epoch_s:10% (cnn: {ELSEWHERE})\n" in both.stderr
    times = in_process("compare", *sides, "--fail", "epoch_s:10%")
    assert (times.returncode, times.stderr.count("\n")) == (2, 1)
    assert f"error: no gate had anything to judge (cnn: {ELSEWHERE}): compare " in times.stderr
    across = in_process("compare", *sides, "--fail", "epoch_s:10%", "--across-machines")
    assert across.returncode == 1
    assert "measured on different machines of the same kind" in across.stdout


def test_an_idle_comparison_of_damaged_records_is_no_success_though_idle_is_allowed(
    in_process: Command, tmp_path: Path, base: Path
) -> None:
    (base / "runs" / "foreign.json").write_text("{}")
    new = save_runs(tmp_path / "new", *cnn(epochs=3))
    assert in_process("compare", base, new, "--fail", "epoch_s:10%", "--allow-idle").returncode == 2


def test_markdown_is_all_that_is_printed_and_the_exit_code_is_the_same(
    in_process: Command, tmp_path: Path, base: Path
) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.3, later=9))
    done = in_process("compare", base, new, "--fail", "epoch_s:10%", "--markdown", "--only-changed")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "**3 worse, 2 unchanged**; gates: 1 broken"
    assert sum(line.startswith("| `+` |") for line in lines) == 3
    assert "regression:" not in done.stdout
    assert "<details>" not in done.stdout, "what is left out is not folded either"


def test_a_foreign_file_is_named_and_the_rest_compared(in_process: Command, tmp_path: Path, base: Path) -> None:
    (base / "runs" / "foreign.json").write_text("{}")
    done = in_process("compare", base, save_runs(tmp_path / "new", *cnn()))
    assert done.returncode == 2
    assert "cnn.epoch_s" in done.stdout
    assert "skipped foreign.json" in done.stderr


def test_sorted_and_filtered(in_process: Command, tmp_path: Path, base: Path) -> None:
    save_runs(base, *(make_run("mlp", seed, epoch_s=1 + seed / 100) for seed in range(3)))
    mlp = [make_run("mlp", seed, epoch_s=2 + seed / 50, later=9) for seed in range(3)]
    new = save_runs(tmp_path / "new", *cnn(1.2, later=9), *mlp)
    lines = in_process("compare", base, new, "--sort", "change", "--only-changed").stdout.splitlines()
    names = [line.split("|")[6].strip() for line in lines if line.startswith("|")][2:]
    assert [name.split(".")[0] for name in names] == ["mlp"] * 3 + ["cnn"] * 3
    assert set(names) == {
        f"{model}.{metric}" for model in ("mlp", "cnn") for metric in ("epoch_s", "eval_s", "trial_s")
    }


def test_a_gate_for_a_model_that_is_not_there_names_the_nearest(in_process: Command, base: Path) -> None:
    done = in_process("compare", base, base, "--fail", "cnm.epoch_s:10%")
    assert (done.returncode, done.stderr) == (2, "error: unknown model 'cnm': did you mean 'cnn'? known are cnn\n")


def test_text_from_a_record_cannot_break_the_table(in_process: Command, tmp_path: Path, base: Path) -> None:
    bad = make_run("cnn", 2, status="error").model_copy(update={"error": "a|b\n<script>"})
    done = in_process("compare", base, save_runs(tmp_path / "new", *cnn(seeds=2), bad))
    assert "a\\|b &lt;script>" in done.stdout
