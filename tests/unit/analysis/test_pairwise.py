"""Verdicts on pairs of models, and the ranks that follow."""

from bench.analysis.groups import group_by_condition
from bench.analysis.pairwise import decide_pairs, ranks
from bench.records.schema import Run
from bench.records.storage import Predictions
from tests.support.factories import flagged, make_predictions, make_run


def judged(*runs: tuple[Run, Predictions]) -> tuple[list[str], dict[str, int]]:
    comparison = group_by_condition([run for run, _ in runs])[0]
    pairs = decide_pairs(comparison, {run.stem: predictions for run, predictions in runs})
    return [pair.words for pair in pairs], {model: rank for (model, _), rank in ranks(comparison, pairs).items()}


def three_seeds(model: str, accuracy: float, luck: int = 0) -> list[tuple[Run, Predictions]]:
    return [(make_run(model, seed, accuracy), make_predictions(accuracy, seed=luck + seed)) for seed in range(3)]


def test_models_that_cannot_be_told_apart_share_a_rank() -> None:
    runs = [*three_seeds("cnn", 0.99, 100), *three_seeds("mlp", 0.9895, 200), *three_seeds("softmax", 0.92, 300)]
    words, ranking = judged(*runs)
    assert words[0] == "cnn, mlp: cannot tell apart"
    assert words[1].startswith("cnn > softmax by 7.00 points [")
    assert ranking == {"cnn": 1, "mlp": 1, "softmax": 3}


def test_the_same_answers_are_never_told_apart() -> None:
    assert judged(*three_seeds("cnn", 0.99), *three_seeds("mlp", 0.99)) == (
        ["mlp, cnn: cannot tell apart"],
        {"mlp": 1, "cnn": 1},
    )


def test_a_verdict_needs_three_seeds_that_both_models_have() -> None:
    apart = [*three_seeds("cnn", 0.99)[:2], *three_seeds("softmax", 0.92)]
    assert judged(*apart) == (["cnn, softmax: too few seeds"], {"cnn": 1, "softmax": 1})


def test_a_flagged_model_has_its_mark_in_every_verdict() -> None:
    runs = [*three_seeds("cnn", 0.99, 100), *three_seeds("mlp", 0.9895, 200), *three_seeds("softmax", 0.92, 300)]
    runs[1] = (flagged(runs[1][0]), runs[1][1])
    words, ranking = judged(*runs)
    assert words[0] == "cnn†, mlp: cannot tell apart"
    assert words[1].startswith("cnn† > softmax by 7.00 points [")
    assert words[2].startswith("mlp > softmax by ")
    assert ranking == {"cnn": 1, "mlp": 1, "softmax": 3}, "marked, not disqualified"


def test_without_predictions_there_is_no_verdict() -> None:
    comparison = group_by_condition([run for run, _ in (*three_seeds("cnn", 0.99), *three_seeds("mlp", 0.9))])[0]
    assert [pair.words for pair in decide_pairs(comparison, {})] == ["cnn, mlp: too few seeds"]
