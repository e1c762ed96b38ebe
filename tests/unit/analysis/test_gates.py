"""Gates that judge, and gates that have nothing to judge."""

from pathlib import Path

import pytest

from bench.analysis.compare import GateResults, apply_gates, parse_gate
from bench.analysis.compare.pairs import ELSEWHERE
from bench.common.errors import UserError
from bench.records.schema import Run
from tests.support.comparison import BOXES, changes, cnn
from tests.support.factories import make_run
from tests.support.results import save_runs


def judged(tmp_path: Path, base: list[Run], new: list[Run], *gates: str) -> GateResults:
    folders = save_runs(tmp_path / "base", *base), save_runs(tmp_path / "new", *new)
    return apply_gates(list(changes(*folders).values()), [parse_gate(gate) for gate in gates])


def test_the_last_of_several_gates_counts(tmp_path: Path) -> None:
    assert judged(tmp_path, cnn(), cnn(1.2), "epoch_s:10%", "epoch_s:30%").regressions == []
    with pytest.raises(UserError, match="no gate"):
        parse_gate("")


@pytest.mark.parametrize(
    ("base", "new", "gate", "reason"),
    [
        (cnn(), cnn(epochs=3), "epoch_s:10%", "cnn: epochs 2 -> 3"),
        (cnn(), [make_run("mlp")], "epoch_s:10%", "mlp: only in NEW; and 1 other reason, see the table"),
        (cnn(), [make_run("cnn", 7)], "test_accuracy:1pp", "cnn: no seed in common: 0, 1, 2 -> 7"),
        (cnn(), cnn(), "epoch_s:10%", "cnn: the same records"),
        (
            cnn(),
            [*cnn(), *cnn(machine=BOXES[0])],
            "epoch_s:10%",
            "cnn: only in NEW; and 1 other reason, see the table",
        ),
        (cnn(), cnn(threads=4), "cnn.epoch_s:10%", "cnn: threads 2 -> 4"),
        (cnn(machine=BOXES[0]), cnn(machine=BOXES[1]), "epoch_s:10%", f"cnn: {ELSEWHERE}"),
        (
            [make_run("cnn", status="error")],
            [make_run("cnn")],
            "test_accuracy:1pp",
            "cnn: failed before, seed 0 error: worker killed by SIGKILL",
        ),
        (
            [make_run("mlp"), make_run("softmax"), *cnn()],
            cnn(precision="bf16"),
            "epoch_s:10%",
            "cnn: precision fp32 -> bf16; and 1 other reason, see the table",
        ),
    ],
)
def test_where_no_gate_judges_anything_the_most_telling_reason_is_given(
    tmp_path: Path, base: list[Run], new: list[Run], gate: str, reason: str
) -> None:
    assert judged(tmp_path, base, new, gate) == GateResults([], [], idle=reason)


def test_a_gate_of_many_that_has_nothing_to_judge_is_warned_of_with_the_reason(tmp_path: Path) -> None:
    results = judged(
        tmp_path, cnn(machine=BOXES[0]), cnn(machine=BOXES[1]), "epoch_s:10%", "test_accuracy:1pp", "epoch_s:10%"
    )
    assert (results.regressions, results.idle) == ([], "")
    assert results.warnings == [
        "noise floor unknown for cnn.test_accuracy: 'make noise' measures it",
        f"nothing to judge for epoch_s:10% (cnn: {ELSEWHERE})",
    ]


def test_a_gate_that_another_takes_the_place_of_has_no_reason(tmp_path: Path) -> None:
    results = judged(tmp_path, cnn(), cnn(later=9), "epoch_s:10%", "cnn.epoch_s:15%")
    assert results.warnings[-1] == "nothing to judge for epoch_s:10%"


def test_a_model_that_fails_now_breaks_a_gate_that_has_no_number(tmp_path: Path) -> None:
    results = judged(tmp_path, [make_run()], [make_run(status="diverged")], "epoch_s:10%")
    assert results.regressions == ["cnn fails now: seed 0 diverged: worker killed by SIGKILL"]
    assert results.idle == ""
    assert results.warnings == ["nothing to judge for epoch_s:10%"], "that it fails is no reason of its own"


def test_one_new_record_is_something_to_judge(tmp_path: Path) -> None:
    results = judged(tmp_path, cnn(), [*cnn(seeds=2), make_run("cnn", 2, epoch_s=9.9, later=9)], "epoch_s:10%")
    assert results.idle == ""


def test_without_gates_nothing_is_idle(tmp_path: Path) -> None:
    assert judged(tmp_path, cnn(), cnn(epochs=3)) == GateResults([], [])
