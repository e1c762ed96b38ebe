"""What CONTRIBUTING.md says is done as it says, and looked at."""

from pathlib import Path

import pandas as pd
import pytest

from bench.records.storage import load_runs
from tests.conftest import ROOT
from tests.support.documents import blocks_of, copy_of_the_project, run_and_report, section_of

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
LISTS = ("Add a model", "Add a probe", "Add a dataset")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_of_the_project(tmp_path)


def follow(title: str, project: Path) -> list[str]:
    """Do the steps below a heading; gives what each printed."""
    return [run_and_report(block, project, project / "data") for block in blocks_of(section_of(PAGE, title))]


@pytest.mark.parametrize("title", LISTS)
def test_it_is_three_steps_and_each_file_is_named_where_a_reader_sees_it(title: str) -> None:
    section = section_of(PAGE, title)
    assert [line[:3] for line in section.splitlines() if line[:1].isdigit()] == ["1. ", "2. ", "3. "]
    blocks = blocks_of(section)
    assert len(blocks) == 3
    for block in blocks:
        assert block.language == "sh" or f"`{block.about.split()[0]}`" in section


@pytest.mark.slow
def test_a_model_in_three_steps(project: Path) -> None:
    _, tested, _ = follow("Add a model", project)
    assert "passed" in tested
    assert "failed" not in tested
    runs, problems = load_runs(project / "results")
    assert problems == []
    assert {run.trial.model: run.status for run in runs} == {"softmax": "done", "my_net": "done"}
    parameters = {run.trial.model: run.model.parameters for run in runs if run.model}
    assert f"{parameters['my_net']:,} parameters" in PAGE
    assert "| my_net" in (project / "results" / "README.md").read_text()


@pytest.mark.slow
def test_a_question_in_three_steps(project: Path) -> None:
    follow("Add a probe", project)
    answers = pd.read_csv(project / "results" / "tables" / "others.csv")
    assert set(answers["model"]) == {"softmax", "mlp"}
    assert set(answers["measured"]) == {"thinnest", "thickest"}
    assert answers["value"].between(0.5, 1).all()
    assert "### Other probes" in (project / "results" / "README.md").read_text()


@pytest.mark.slow
def test_a_dataset_in_three_steps(project: Path) -> None:
    printed, _, _ = follow("Add a dataset", project)
    hashes = [line for line in printed.splitlines() if line.startswith('"')]
    assert len(hashes) == 4
    assert all(line in PAGE for line in hashes)
    runs, _ = load_runs(project / "results")
    assert {(run.trial.dataset, run.status) for run in runs} == {("mirrored-mnist", "done")}
    assert "## mirrored-mnist" in (project / "results" / "README.md").read_text()
