"""What every page says of models whose runs carry flags, of parts left out and of operations not counted."""

import re
from pathlib import Path

import pytest

from bench.records.probes import save_probe
from bench.records.schema import Execution, Run
from bench.records.storage import load_runs
from bench.records.timing import save_timing
from bench.report import Rendered, render
from bench.report.elements.blocks import Table
from bench.report.pages.markdown import BLOCK_BEGIN, BLOCK_END
from tests.support.factories import PROBABILITIES, flagged, make_probe, make_run
from tests.support.results import save_runs
from tests.support.timings import make_timing

ACCURACIES = {"cnn": 0.99, "mlp": 0.97, "softmax": 0.92}
DIFFERS = "answers differ from call to call: 3 of 500 images"
BARE = re.compile(r"\b(cnn|mlp)\b(?!†)")
"""The name of a flagged model without its mark."""
OF_NO_RUN = {"conditions"}
"""Tables in which no run's numbers stand."""


def make_runs() -> list[Run]:
    """Three models with three seeds: all of the CNN's are flagged, one of the MLP's is."""
    runs = [make_run(model, seed, accuracy) for model, accuracy in ACCURACIES.items() for seed in range(3)]
    runs = [flagged(run) if run.trial.model == "cnn" else run for run in runs]
    return [flagged(run, DIFFERS, "answers_differ") if run == make_run("mlp", 1, 0.97) else run for run in runs]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Two commits of the flagged runs, with a probe of every kind that has a section."""
    results = tmp_path_factory.mktemp("flagged") / "results"
    (results.parent / "README.md").write_text(f"{BLOCK_BEGIN}\n{BLOCK_END}\n")
    earlier = [run.model_copy(update={"git": run.git.model_copy(update={"commit": "d" * 40})}) for run in make_runs()]
    later = {"later": 9e4}
    newer = [
        make_run(run.trial.model, run.trial.seed, ACCURACIES[run.trial.model], **later).model_copy(
            update={"flags": run.flags}
        )
        for run in make_runs()
    ]
    save_runs(results, *earlier, *newer)
    for run in newer:
        numbers = {"ordered": 0.95, "permuted": 0.94, "ordered_alone": 0.02, "permuted_alone": 0.01}
        save_probe(results, make_probe(run, "permutation", train_images=60_000, **numbers))
        save_probe(results, make_probe(run, "blocks", train_images=60_000, ordered=0.95, block_7=0.9))
        save_probe(results, make_probe(run, "sample_efficiency", train_images=60_000, n_100=0.8, n_60000=0.95))
        save_probe(results, make_probe(run, "distortion", clean=0.95, fog=0.8, rotation_10=0.9, rotation_20=0.8))
        features = {"random": 0.9, "trained": 0.95, "random_alone": 0.01, "trained_alone": 0.06, "dimension": 10.0}
        features |= {"pixels": 0.92, "pixels_dimension": 784.0}
        save_probe(results, make_probe(run, "features", train_images=60_000, **features))
        bins = {"count_14": 90.0, "confidence_14": 0.9, "accuracy_14": 0.9}
        save_probe(results, make_probe(run, "calibration", ece=0.01, **bins))
        save_probe(results, make_probe(run, "ink", thick=1.0))
    rendered = render(results)
    assert rendered.problems == []
    return rendered


def tables(rendered: Rendered) -> dict[str, Table]:
    blocks = [*rendered.document.blocks, *rendered.document.every_run()]
    return {block.name: block for block in blocks if isinstance(block, Table)}


def test_a_flagged_model_has_its_mark_wherever_it_stands_beside_others(rendered: Rendered) -> None:
    shown = tables(rendered)
    expected = {"models", "claims", "accuracy", "verdicts", "speed", "time-to-accuracy", "distortion", "structure"}
    expected |= {"distortion-curves", "blocks", "features", "samples", "images-needed", "ink", "calibration", "runs"}
    assert expected | {"distortion-verdicts", "history"} <= shown.keys()
    for name, table in shown.items():
        cells = [str(text) for row in table.rows for pair in row.items() for text in pair]
        bare = [cell for cell in cells if BARE.search(cell)]
        if name == "runs":
            assert len([cell for cell in bare if cell == "mlp"]) == len(bare) == 4, "two of three seeds, two commits"
        else:
            assert bare == [] or name in OF_NO_RUN, name
            assert "†" not in cells, "a mark without a name"
            assert any("cnn†" in cell for cell in cells) or name in {*OF_NO_RUN, "systems"}, name
    assert {row["flags"] for row in shown["runs"].rows} == {"", "no logits", "answers differ"}


def test_the_winner_s_mark_is_in_the_answer(rendered: Rendered) -> None:
    answer = rendered.document.answer
    assert answer[0].startswith("cnn† gets 99.00 % ± 0.00 of the test images right and is better than every other")
    assert answer[-1].startswith("† marks a model whose numbers need care")
    assert not any(BARE.search(sentence) for sentence in answer)


def test_the_notes_stand_once_below_the_first_table_of_accuracies(rendered: Rendered) -> None:
    notes = f"† cnn: {PROBABILITIES}.", f"† mlp: {DIFFERS} (seed 1)."
    for page in (rendered.page, rendered.page.parent.parent / "README.md"):
        text = page.read_text()
        table, first, second = text.index("| cnn† "), *(text.index(note) for note in notes)
        assert table < first < second < text.index("cnn† > mlp†", table)
        assert text.count("they are probabilities") == text.count("answers differ from") == 1
        assert "\n\n" not in text[table:first].rstrip(), "nothing but the table in between"


def test_the_terminal_shows_mark_and_note_in_80_columns(rendered: Rendered) -> None:
    lines = rendered.terminal_text().splitlines()
    assert any(line.startswith("cnn† ") for line in lines)
    assert f"† cnn: {PROBABILITIES}." in lines
    assert f"† mlp: {DIFFERS} (seed 1)." in lines
    assert any(line.startswith("cnn† > softmax by ") for line in lines)
    assert max(map(len, lines[:-1])) <= 80


def test_a_note_names_the_device_where_there_are_two(tmp_path: Path) -> None:
    save_runs(tmp_path, flagged(make_run()), make_run(device="cuda", later=9.0))
    page = render(tmp_path).page.read_text()
    assert f"† cnn on test-cpu-0123 (cpu): {PROBABILITIES}." in page
    assert re.search(r"\| cnn +\|.*test-cpu-0123 \(cuda\)", page), "there it is not flagged"


def test_what_was_left_out_is_said_with_the_reason(tmp_path: Path) -> None:
    reason = "view size is not compatible"
    execution = Execution(mode="eager", reason="it draws", left_out={"channels_last": reason, "flops": "no counter"})
    save_runs(tmp_path, make_run("cnn"), make_run("mlp").model_copy(update={"execution": execution}))
    rendered = render(tmp_path)
    conditions = {row["what"]: row["value"] for row in tables(rendered)["conditions"].rows}
    assert conditions["training steps"] == "captured: cnn; eager: mlp (it draws)"
    assert conditions["left out"] == f"channels last: mlp ({reason}); flops: mlp (no counter)"
    rows = {row["model"]: row.get("left out") for row in tables(rendered)["runs"].rows}
    assert rows == {"cnn": None, "mlp": f"channels last: {reason}; flops: no counter"}
    assert reason in rendered.html.read_text()


def test_operations_that_cannot_be_counted_are_empty_cells(tmp_path: Path) -> None:
    lstm = make_run("lstm", accuracy=0.98)
    assert lstm.model
    lstm = lstm.model_copy(update={"model": lstm.model.model_copy(update={"train_flops_per_image": None})})
    save_runs(tmp_path, make_run("cnn"), lstm)
    assert [run.model.train_flops_per_image for run in load_runs(tmp_path)[0] if run.model] == [24995328, None]
    rendered = render(tmp_path)
    assert rendered.problems == []
    speed = {row["model"]: (row["MFLOP/image"], row["GFLOP/s"]) for row in tables(rendered)["speed"].rows}
    assert speed == {"cnn": ("25", "150"), "lstm": ("", "")}
    cells = (tmp_path / "tables" / "speed.csv").read_text().splitlines()
    assert ",24995328,149.97" in cells[1]
    assert cells[2].endswith(",1000,,,")


def test_unsteady_stands_beside_the_time_and_nowhere_else(tmp_path: Path) -> None:
    runs = [make_run(model, seed, 0.98) for model in ("cnn", "mlp") for seed in range(3)]
    save_runs(tmp_path, *runs)
    save_timing(tmp_path, make_timing({"cnn": [100.0, 190.0] * 8, "mlp": [10.0] * 16}))
    rendered = render(tmp_path)
    reason = "the quartiles of the rounds are 62 % of the median apart"
    shown = tables(rendered)
    for name, column in (("models", "training, s/epoch"), ("speed", "images/s")):
        cells = {row["model"]: row for row in shown[name].rows}
        assert str(cells["cnn"][column]).endswith(" (unsteady)")
        assert cells["cnn"][column].note == reason
        assert "unsteady" not in str(cells["mlp"])
        assert sum("unsteady" in str(cell) for cell in cells["cnn"].values()) == 1
    assert f'<abbr class="beside" title="{reason}"> (unsteady)</abbr>' in rendered.html.read_text()
    assert f"unsteady: cnn: {reason}." in rendered.page.read_text()
    lines = rendered.terminal_text().splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert any("(unsteady)" in line for line in lines)
    assert "cnn takes" in rendered.page.read_text()
