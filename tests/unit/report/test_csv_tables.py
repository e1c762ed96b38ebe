"""The flags of models in the tables that are saved as CSV."""

from pathlib import Path

import pandas as pd

import bench
from bench.report import render
from tests.support.factories import flagged, make_run
from tests.support.results import save_runs


def test_flags_are_columns_of_their_own_by_name(tmp_path: Path) -> None:
    twice = flagged(flagged(make_run("cnn", 1)), "changed", "evaluation_changes")
    save_runs(tmp_path, flagged(make_run("cnn", 0)), twice, *(make_run("mlp", seed, 0.97) for seed in range(2)))
    render(tmp_path)
    read = {path.stem: pd.read_csv(path, keep_default_na=False) for path in (tmp_path / "tables").iterdir()}
    for name in ("accuracy", "speed", "time_to_accuracy"):
        frame = read[name].set_index("model")["model_flags"]
        assert set(frame["cnn":"cnn"]) == {"no_logits evaluation_changes"}, name
        assert set(frame["mlp":"mlp"]) == {""}, name
    assert set(read["verdicts"]["flagged_models"]) == {"cnn"}
    assert list(read["runs"]["model_flags"]) == ["no_logits", "no_logits evaluation_changes", "", ""]
    assert set(read["runs"]["flags"]) == {""}, "those are about how it was measured"
    assert list(bench.load(tmp_path)["model_flags"]) == list(read["runs"]["model_flags"])
