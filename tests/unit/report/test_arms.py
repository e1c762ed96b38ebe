"""Arms: each model by a recipe of its own, beside the one that serves all."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.analysis.groups import group_by_condition
from bench.records.schema import Run
from bench.report import render
from tests.support.factories import make_run
from tests.support.results import save_runs

OWN: dict[str, dict[str, Any]] = {
    "cnn": {
        "recipe": "best",
        "arm": "best",
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "epochs": 3,
        "schedule": "cosine",
    },
    "mlp": {"recipe": "best", "arm": "best", "batch_size": 256, "epochs": 4, "augmentation": {"shift": 1}},
}


def own_run(model: str, seed: int, accuracy: float, **changes: Any) -> Run:
    return make_run(model, seed, accuracy, later=1000.0 + seed, **(OWN[model] | changes))


@pytest.fixture
def runs() -> list[Run]:
    article = [
        make_run(model, seed, accuracy) for model, accuracy in (("cnn", 0.99), ("mlp", 0.975)) for seed in range(3)
    ]
    own = [own_run(model, seed, accuracy) for model, accuracy in (("cnn", 0.9901), ("mlp", 0.987)) for seed in range(3)]
    return [*article, *own]


def test_an_arm_is_one_table_though_its_models_train_otherwise(runs: list[Run]) -> None:
    common, arm = group_by_condition(runs)
    assert common.condition.recipe == "article"
    assert {group.model: len(group.seeds) for group in arm.groups} == {"cnn": 3, "mlp": 3}
    assert arm.condition.title == "mnist (60,000 images), best recipes, each model's own, fp32"


def test_runs_by_a_recipe_that_was_tuned_anew_replace_those_by_the_old_one(runs: list[Run]) -> None:
    newer = [own_run("mlp", seed, 0.99, batch_size=64) for seed in (0, 7)]
    later = [run.model_copy(update={"started_at": run.started_at.replace(year=2027)}) for run in newer]
    _, arm = group_by_condition([*runs, *later])
    assert {group.model: group.seeds for group in arm.groups} == {"cnn": (0, 1, 2), "mlp": (0, 7)}


def test_the_page_says_what_each_model_gains(tmp_path: Path, runs: list[Run]) -> None:
    save_runs(tmp_path, *runs)
    rendered = render(tmp_path)
    assert not rendered.problems
    page = (tmp_path / "README.md").read_text()
    section = page.partition("## Each model by its own recipe")[2].partition("\n## ")[0]
    assert "By the recipes best, each model's own: cnn 99.01 %, mlp 98.70 %." in section
    assert "Against the recipe article: cnn: cannot tell; mlp +1.20 points [" in section
    assert "sgd 0.05, batch 128, 3 epochs, schedule cosine" in section
    assert "adam 0.001, batch 256, 4 epochs, shift 1" in section
    frame = pd.read_csv(tmp_path / "tables" / "arms.csv").set_index("model")
    assert frame.gain.round(4).to_dict() == {"cnn": 0.0001, "mlp": 0.012}
    assert frame.training_s.to_dict() == {"cnn": 30.0, "mlp": 40.0}
    assert frame.common_training_s.to_dict() == {"cnn": 20.0, "mlp": 20.0}
    assert (frame.paired_seeds == 3).all()


def test_without_the_common_recipe_there_is_no_gain_and_the_rest_stands(tmp_path: Path, runs: list[Run]) -> None:
    save_runs(tmp_path, *[run for run in runs if run.trial.arm])
    assert not render(tmp_path).problems
    page = (tmp_path / "README.md").read_text()
    assert "By the recipes best, each model's own: cnn 99.01 %, mlp 98.70 %." in page
    assert "Against the recipe" not in page


def test_without_an_arm_there_is_no_section(tmp_path: Path, runs: list[Run]) -> None:
    save_runs(tmp_path, *[run for run in runs if not run.trial.arm])
    render(tmp_path)
    assert "own recipe" not in (tmp_path / "README.md").read_text()
    assert not (tmp_path / "tables" / "arms.csv").exists()
