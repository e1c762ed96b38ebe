import os
import subprocess
import sys
import time
import xml.etree.ElementTree
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

from bench.analysis.groups import group_by_condition
from bench.analysis.pairwise import decide_pairs, ranks
from bench.records.schema import Machine, Run
from bench.records.storage import Predictions, load_predictions, save_run
from bench.report import render
from bench.report.elements import formatting
from bench.report.pages import markdown
from tests.conftest import ROOT
from tests.support.factories import MACHINE, make_predictions, make_run
from tests.support.results import build_results, save_runs

GOLDEN = ROOT / "tests" / "support" / "golden" / "results.md"
ACCURACIES = {"softmax": (0.92, 0.922, 0.921), "mlp": (0.978, 0.979, 0.98), "cnn": (0.99, 0.991, 0.9905)}
EPOCH_S = {"softmax": 0.2, "mlp": 0.8, "cnn": 8.0}


def article_runs() -> list[Run]:
    return [
        make_run(model, seed, accuracy, EPOCH_S[model] * (1 + seed / 10), later=60.0 * seed)
        for model, accuracies in ACCURACIES.items()
        for seed, accuracy in enumerate(accuracies)
    ]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    failed = make_run("mlp", seed=9, status="error", later=600)
    return save_runs(tmp_path / "results", *article_runs(), failed, weights=b"weights")


def test_the_page_is_the_golden_one(results: Path) -> None:
    page = render(results).page.read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text()


def test_rendering_twice_gives_the_same_bytes(results: Path) -> None:
    render(results)
    first = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    render(results)
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == first


def test_plots_are_sound_svg_and_the_page_links_to_files_that_exist(results: Path) -> None:
    page = render(results).page.read_text()
    plots = sorted((results / "plots").iterdir())
    assert len(plots) == 7
    for plot in plots:
        xml.etree.ElementTree.parse(plot)
        assert f"(plots/{plot.name})" in page
    assert page.count("](plots/") == len(plots)


def test_plots_have_their_style_whatever_the_callers_is_and_leave_that_alone(results: Path) -> None:
    render(results)
    plots = {path: path.read_bytes() for path in (results / "plots").iterdir()}
    with matplotlib.rc_context({"font.size": 21, "axes.facecolor": "red"}):
        render(results)
        assert (matplotlib.rcParams["font.size"], matplotlib.rcParams["axes.facecolor"]) == (21, "red")
    assert {path: path.read_bytes() for path in (results / "plots").iterdir()} == plots


def test_the_notebooks_backend_stays() -> None:
    """In a process of its own, where none has been chosen yet."""
    code = "import matplotlib, bench.report; print(matplotlib.get_backend())"
    environment = os.environ | {"MPLBACKEND": "pdf"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.split() == [b"pdf"]


def test_tables_hold_the_numbers_behind_the_page(results: Path) -> None:
    render(results)
    tables = {path.stem: pd.read_csv(path) for path in (results / "tables").iterdir()}
    accuracy = tables["accuracy"].set_index("model")
    assert list(accuracy.index) == ["cnn", "mlp", "softmax"]
    assert accuracy.loc["mlp", "test_accuracy"] == pytest.approx(0.979)
    # scipy: t.ppf(0.975, 2) = 4.302653; std of the three = 0.001; 4.302653 * 0.001 / sqrt(3) = 0.00248414
    assert accuracy.loc["mlp", "interval_high"] - 0.979 == pytest.approx(0.00248414, rel=1e-5)
    speed = tables["speed"].set_index("model")
    assert speed.loc["cnn", "epoch_s"] == pytest.approx(8.8)
    assert speed.loc["cnn", "train_images_per_s"] == pytest.approx(60_000 / 8.8)
    assert len(tables["epochs"]) == 18
    assert len(tables["runs"]) == 10
    assert sorted(tables["runs"]["status"].unique()) == ["done", "error"]


def test_the_first_epoch_is_not_timed_unless_it_is_the_only_one() -> None:
    comparison = group_by_condition([make_run("cnn", epochs=3)])[0]
    assert len(comparison.groups[0].epoch_seconds) == 2
    comparison = group_by_condition([make_run("cnn", epochs=1)])[0]
    assert len(comparison.groups[0].epoch_seconds) == 1


def test_what_may_not_be_compared_stands_in_tables_of_its_own() -> None:
    runs = [make_run(), make_run("mlp"), make_run(epochs=3), make_run(precision="bf16"), make_run(batch_size=64)]
    comparisons = group_by_condition(runs)
    assert sorted(len(comparison.groups) for comparison in comparisons) == [1, 1, 1, 2]
    assert comparisons[0].condition.epochs == 3, "the longest training comes first"


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


def test_without_predictions_there_is_no_verdict() -> None:
    comparison = group_by_condition([run for run, _ in (*three_seeds("cnn", 0.99), *three_seeds("mlp", 0.9))])[0]
    assert [pair.words for pair in decide_pairs(comparison, {})] == ["cnn, mlp: too few seeds"]


def test_predictions_of_another_size_are_not_used(tmp_path: Path) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(size=500), b"")
    assert load_predictions(tmp_path, run) is None


def test_machines_stand_side_by_side(tmp_path: Path) -> None:
    other = MACHINE.model_copy(update={"slug": "h100", "id": "ffffffff"})
    for run in (*article_runs(), make_run("cnn", accuracy=0.9899, epoch_s=0.1, machine=other, device="cuda")):
        save_run(tmp_path, run)
    page = render(tmp_path).page.read_text()
    assert "| h100-ffff (cuda)" in page
    assert "| test-cpu-0123 (cpu)" in page
    assert page.count("### Accuracy\n") == 1


def test_a_folder_without_finished_runs_says_what_to_do(tmp_path: Path) -> None:
    save_run(tmp_path, make_run(status="interrupted"))
    page = render(tmp_path).page.read_text()
    assert "No finished run yet: `make bench`" in page
    assert "worker killed by SIGKILL" in page


def test_without_predictions_the_digits_are_left_out(tmp_path: Path) -> None:
    save_run(tmp_path, make_run())
    assert "Right and wrong digits" not in render(tmp_path).page.read_text()


def test_text_from_a_record_cannot_break_the_page() -> None:
    assert formatting.escape("a|b\n<script>`x`*") == "a\\|b &lt;script>\\`x\\`\\*"


def test_it_takes_under_five_seconds_without_torch(results: Path) -> None:
    code = "import sys\nfrom bench.cli.app import main\ntry: main(['report', '--results', sys.argv[1]])\n"
    code += "finally: assert 'torch' not in sys.modules"
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, results], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 5


def test_the_block_in_the_readme_is_kept_up_to_date(results: Path) -> None:
    readme = results.parent / "README.md"
    readme.write_text(f"before\n{markdown.BLOCK_BEGIN}\nas it was\n{markdown.BLOCK_END}\nafter\n")
    render(results)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert text.count("| cnn ") == 1
    assert "as it was" not in text
    assert "**Of the article's four claims 1 holds and 3 were not measured.**" in text
    assert "](results/README.md#mnist-article-2ep-" in text
    assert "in the article" not in text, "the table of claims is in the report alone"
    assert text.count("![") == 1
    readme.write_text("no markers")
    render(results)
    assert readme.read_text() == "no markers"


def test_verdicts_in_the_readme_name_their_machine_where_there_are_two(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"{markdown.BLOCK_BEGIN}\n{markdown.BLOCK_END}\n")
    other = Machine(slug="another-cpu", id="89abcdef")
    for machine in (MACHINE, other):
        build_results(tmp_path / "results", {"mlp": 0.97, "cnn": 0.99}, seeds=3, machine=machine)
    render(tmp_path / "results")
    text = readme.read_text()
    for machine in (MACHINE, other):
        assert f"On {machine.name} (cpu): cnn > mlp by 2.00 points" in text


def test_the_committed_page_and_readme_are_what_the_committed_records_give(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(ROOT / "results", tmp_path / "results", ignore=shutil.ignore_patterns("*.safetensors", "*.log"))
    shutil.copy(ROOT / "README.md", tmp_path / "README.md")
    committed = (tmp_path / "results" / "README.md").read_text(), (tmp_path / "README.md").read_text()
    assert render(tmp_path / "results").problems == []
    assert ((tmp_path / "results" / "README.md").read_text(), (tmp_path / "README.md").read_text()) == committed
    assert markdown.BLOCK_BEGIN in committed[1]


def test_no_private_name_is_in_the_committed_results() -> None:
    text = "".join(
        path.read_text()
        for path in (ROOT / "results").rglob("*")
        if path.suffix in (".json", ".md", ".csv", ".html", ".svg")
    )
    assert "/home/" not in text
    assert "/Users/" not in text
    assert "Traceback" not in text


def test_a_reason_that_looks_like_a_formula_is_text_in_the_tables(tmp_path: Path) -> None:
    failed = make_run("mlp", status="error").model_copy(update={"error": '=HYPERLINK("x")'})
    save_run(tmp_path, failed)
    render(tmp_path)
    assert pd.read_csv(tmp_path / "tables" / "runs.csv")["error"].tolist() == ['\'=HYPERLINK("x")']


def test_the_readme_s_block_says_what_makes_each_machine_s_rows_again(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{markdown.BLOCK_BEGIN}\n{markdown.BLOCK_END}\n")
    elsewhere = MACHINE.model_copy(update={"slug": "gpu-box", "id": "89abcdef"})
    for seed in range(3):
        run = make_run("mlp", seed)
        save_run(tmp_path / "results", run, make_predictions(), b"")
        other = run.model_copy(update={"machine": elsewhere, "trial": run.trial.model_copy(update={"suite": "full"})})
        if seed < 2:
            save_run(tmp_path / "results", other, make_predictions(), b"")
    render(tmp_path / "results")
    block = (tmp_path / "README.md").read_text()
    assert "2 seeds on gpu-box-89ab (cpu) at commit c0ffee000000: `make full`; 3 seeds on " in block
    assert ": `make bench`.\n" in block
    assert "article's" not in block, "without both models nothing is said of its claims"


def test_results_in_another_folder_leave_the_readme_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{markdown.BLOCK_BEGIN}\nas it was\n{markdown.BLOCK_END}\n")
    save_run(tmp_path / "mine", make_run("mlp"), make_predictions(), b"")
    render(tmp_path / "mine")
    assert "as it was" in (tmp_path / "README.md").read_text()
