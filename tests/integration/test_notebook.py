"""The notebook as a reader runs it: every cell, in a folder of its own, in a kernel of its own."""

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import bench
from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks" / "mnist_bench.ipynb"


def test_it_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count or cell.metadata] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}


@pytest.mark.slow
@pytest.mark.timeout(1000)  # a cell takes minutes where other programs train on the same cores
def test_it_runs_from_the_first_cell_to_the_article_s_table_and_the_report(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / ".jupyter"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment | {"PYTHONPATH": str(ROOT)})

    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert [name for name, shown in outputs.items() if any(output.output_type == "error" for output in shown)] == []
    assert outputs["install"] == [], "nothing is installed where bench can be imported"
    frame = bench.load(tmp_path / "results")
    assert list(zip(frame["model"], frame["status"], strict=True)) == [
        ("softmax", "done"),
        ("mlp", "done"),
        ("cnn", "done"),
    ]
    for name in ("train", "load"):
        assert all(model in last_table(outputs[name]) for model in frame["model"])
    assert "image/png" in outputs["plot"][-1].data
    claims = last_table(outputs["claims"])
    for words in ("spatial structure", "MLP: lost; CNN: kept", "hand-made", "points lost", "verdict"):
        assert words in claims
    assert "not measured" not in claims
    assert f"{100 * frame['test_accuracy'][2]:.2f}" in claims, "the CNN's accuracy, in its cell"
    report = outputs["report"][-1].data
    assert "The article" in report["text/html"]
    shown = re.sub(r"[\w+/=]{200,}", "", str(outputs))  # pictures in base64, where a short host name may well occur
    for private in (os.uname().nodename, str(tmp_path), str(Path.home())):
        assert not re.search(rf"(?<!\w){re.escape(private)}(?!\w)", shown)


def last_table(outputs: list[Any]) -> str:
    """What the last output of a cell says as a table."""
    return str(outputs[-1].data["text/html"])
