"""What the README and the pages of docs/ say can be done is done: each command by a test, each promise by another."""

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.records.storage import load_runs
from bench.report.pages.markdown import BLOCK_END
from models import list_models
from tests.conftest import ROOT, Command
from tests.support.documents import blocks_of, copy_of_the_project, links_to_nowhere
from tests.support.processes import CLEAN

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
WRITTEN = [README.read_text().partition(BLOCK_END)[2], *(path.read_text() for path in DOCS)]
"""Every page, without the results in the README."""
BENCH = ".venv/bin/python -m bench"

MADE = {
    "make bench": f"{BENCH} run --suite article",
    "make quick": f"{BENCH} run --suite quick",
    "make full": f"{BENCH} run --suite full",
    "make quick RESULTS=my-results": f"{BENCH} run --suite quick --results my-results",
    "EPOCHS=4 make quick": f"{BENCH} run --suite quick --epochs 4",
    'MODELS="mlp cnn" SEEDS=5 DEVICE=cuda PROBES=none make bench': (
        f"{BENCH} run --suite article --models mlp,cnn --seeds 5 --device cuda --probes none"
    ),
    "DATASET=fashion-mnist make bench": f"{BENCH} run --suite article --dataset fashion-mnist",
    "make full EXECUTOR=ray": f"{BENCH} run --suite full --executor ray",
    "make tune": f"{BENCH} tune",
    "make tune ARM=sprint": f"{BENCH} tune --arm sprint",
    "make report": f"{BENCH} report",
    "make noise": f"{BENCH} noise",
    "make track": f"{BENCH} track",
    "make track AGAINST=HEAD~1": f"{BENCH} track --against HEAD~1",
    "make track ACCEPT=1": f"{BENCH} track --accept",
    "make speed": f"{BENCH} speed",
    "make peers": f"{BENCH} peers",
    "make gpu-check": f"{BENCH}.gpu_check",
    "make test": '.ci/tests .venv/bin/python "not slow and not soak and not browser"',
    "make test-unit": ".venv/bin/python -m pytest -n auto --dist worksteal tests/unit",
    "make test-slow": '.ci/tests .venv/bin/python "slow and not soak and not browser"',
    "make test-browser": ".venv/bin/python -m pytest -m browser",
    "make test-soak": ".venv/bin/python -m pytest -m soak",
    "make test-all": ".venv/bin/python -m pytest -m soak",
    "make lint": ".venv/bin/python -m mypy",
}
"""The last thing that make does for each."""

ON_A_CLUSTER = "integration/test_ray.py::test_24_trials_on_3_nodes_one_of_which_dies_are_those_of_a_single_machine"
OTHER_OPTIONS = "docs/test_readme.py::test_the_same_recipe_with_other_options_is_a_table_of_its_own"
SHARED_SUITE = "integration/test_cli.py::test_two_boxes_of_a_kind_share_a_suite_and_merge_puts_it_together"
INSTALLED = "integration/test_make.py::test_an_installation_killed_in_its_middle_is_begun_again"
STEP_MADE_SLOWER = "integration/test_track.py::test_a_step_made_slower_is_caught_until_it_is_accepted"
TESTED = {
    "make": "docs/test_readme.py::test_make_alone_names_every_target",
    "make quick": "docs/test_readme.py::test_make_quick_takes_a_minute_and_prints_what_the_pages_show",
    "python -m bench run --suite quick": (
        "docs/test_readme.py::test_make_quick_takes_a_minute_and_prints_what_the_pages_show"
    ),
    "python -m bench run --suite quick --models softmax --probes none": OTHER_OPTIONS,
    "python -m bench run --suite quick --models softmax --probes none --epochs 1 --batch-size 64 --precision bf16": (
        OTHER_OPTIONS
    ),
    "python -m bench doctor": "integration/test_cli.py::test_the_commands_that_only_look",
    "python -m bench doctor --gpu": "integration/test_gpu_check.py::test_doctor_makes_the_check_too",
    "python -m bench.gpu_check": "integration/test_gpu_check.py::test_what_cannot_be_checked_is_one_line",
    "python -m bench.gpu_check article speed": (
        "integration/test_gpu_check.py::test_a_check_that_takes_too_long_is_ended_and_the_rest_is_given_up"
    ),
    "python -m bench recipes": "integration/test_cli.py::test_the_commands_that_only_look",
    "python -m bench recipes article": "integration/test_cli.py::test_the_commands_that_only_look",
    "python -m bench tune": "integration/test_tune.py::test_recipes_are_found_without_the_test_images_and_train",
    "python -m bench run --recipe my.toml --models mlp": ("docs/test_recipes.py::test_the_recipe_that_is_shown_trains"),
    "python -m bench models": "integration/test_cli.py::test_the_commands_that_only_look",
    "python -m bench run --help": "robustness/test_bad_input.py::test_every_command_explains_itself",
    "mnist-bench run …": "integration/test_wheel.py::test_it_runs_from_any_folder_in_an_empty_environment",
    "make report": "integration/test_cli.py::test_foreign_files_among_the_records_are_named_and_kept",
    "make noise": (
        "integration/test_noise.py::test_repeats_of_a_real_trial_give_the_same_weights_and_a_floor_of_their_times"
    ),
    "make track": STEP_MADE_SLOWER,
    "make track ACCEPT=1": STEP_MADE_SLOWER,
    "python -m bench track": STEP_MADE_SLOWER,
    "make track AGAINST=HEAD~1": (
        "integration/test_track_against.py::test_what_is_slower_only_in_the_working_tree_is_found"
    ),
    "make speed": "integration/test_durations.py::test_the_harness_is_faster_than_the_articles_loop",
    "make peers": "integration/test_frameworks.py::test_the_command_has_a_row_for_each_framework",
    "python -m bench report --system NAME": "unit/report/test_systems.py::test_another_system_can_be_asked_for",
    "python -m bench run --seeds 0-4 --results first": SHARED_SUITE,
    "python -m bench run --seeds 5-9 --results second": SHARED_SUITE,
    "python -m bench merge first second --results results": SHARED_SUITE,
    "pip install -c constraints.txt -e .": INSTALLED,
    "pip install -c constraints.txt -e '.[cluster]'": ON_A_CLUSTER,
    "ray start --head": ON_A_CLUSTER,
    "ray start --address=HOST:6379": ON_A_CLUSTER,
    "python -m bench run --suite full --executor ray --ray-address auto": ON_A_CLUSTER,
    "python -m pytest -s tests/integration/test_scale.py": (
        "integration/test_scale.py::test_thousands_of_runs_are_rendered_and_compared_in_time"
    ),
    "apt-get install dataset-fashion-mnist": (
        "unit/data/test_datasets.py::test_fashion_mnist_is_unpacked_from_debians_folder"
    ),
    "python -m bench compare HEAD~1:results results --fail test_accuracy:0.3pp --fail epoch_s:10% "
    "--fail cnn.epoch_s:15%": "integration/test_git.py::test_records_are_read_out_of_git",
    "python -m bench compare origin/main:results results --fail test_accuracy:0.3pp --markdown": (
        "integration/test_git.py::test_a_comment_for_a_pull_request_is_against_a_branch"
    ),
    "python -m bench merge results laptop/results gpu-box/results --results all": (
        "unit/records/test_merge.py::test_each_machine_has_its_rows_and_a_second_time_changes_nothing"
    ),
}
"""Where the command, or what make makes of it, is really run; the rest is the same with other options."""


def commands(page: str) -> set[str]:
    """Everything the page says to type."""
    lines = [line for block in blocks_of(page) if not block.language for line in block.text.splitlines()]
    inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    typed = re.compile(r"([A-Z_]+=\S+ |[A-Z_]+=\"[^\"]+\" )*(make|python -m|pip|ray start|mnist-bench|apt-get)\b")
    calls = {" ".join(line.partition(" #")[0].split()) for line in (*lines, *inline) if typed.match(line)}
    return calls - {"mnist-bench"}


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", "".join(WRITTEN))
    assert len(named) > 15
    named += [(f"tests/{file}", test) for file, _, test in (name.partition("::") for name in TESTED.values())]
    for file, test in named:
        assert test in functions(ROOT / file), f"{file}::{test}"


def test_every_command_is_known_here() -> None:
    typed = set[str]().union(*map(commands, WRITTEN))
    assert TESTED.keys() <= typed <= MADE.keys() | TESTED.keys()


def test_the_readme_is_short() -> None:
    assert README.stat().st_size < 10_000


@pytest.mark.parametrize("page", [README, ROOT / "CONTRIBUTING.md", *DOCS], ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert links_to_nowhere(page) == []


def test_the_test_sees_a_link_to_nowhere(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `title`, here\n\n| [x](gone.md) |\n|-|\n| [y](#a-title-here) ![z](gone.svg) |\n\n"
        "[a](page.md#b) `[c](code.md)` [d](https://example.org/gone) [e](other.md#made)\n"
    )
    (tmp_path / "other.md").write_text('<a id="made"></a>\n')
    assert links_to_nowhere(page) == ["gone.md", "gone.svg", "page.md#b"]


@pytest.mark.parametrize("command", MADE)
def test_make_makes_of_it_what_it_should(command: str) -> None:
    line = command.replace("make ", f"make --dry-run PYTHON={sys.executable} ", 1)
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = done.stdout.replace("\\\n", " ").splitlines()[-1]
    assert " ".join(last.split()) == MADE[command]


def test_make_alone_names_every_target() -> None:
    output = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in MADE:
        target = command.partition("make ")[2].split()[0]
        assert f"  make {target} " in output


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project with an environment that is this one, as far as make can tell."""
    copy_of_the_project(tmp_path)
    for name in ("Makefile", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if not part.name.startswith("."):
            (tmp_path / ".venv" / part.name).symlink_to(part)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


@pytest.mark.slow
@pytest.mark.alone
def test_make_quick_takes_a_minute_and_prints_what_the_pages_show(checkout: Path, data_dir: Path) -> None:
    blocks = [block.text for page in WRITTEN for block in blocks_of(page)]
    (shown,) = (text for text in blocks if text.startswith("$ make quick"))
    typed, _, output = shown.removeprefix("$ ").partition("\n")
    line = [*typed.split(), f"PYTHON={sys.executable}"]
    environment, begin = CLEAN | {"MNIST_BENCH_DATA": str(data_dir)}, time.monotonic()
    done = subprocess.run(line, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert time.monotonic() - begin < 90  # a minute, and half of one for others on a shared machine
    assert done.returncode == 0, done.stderr
    assert words(done.stdout) == words(output)
    (results,) = checkout.glob("*results")
    assert {run.trial.model for run in load_runs(results)[0]} == set(list_models(controls=False))


def words(output: str) -> list[list[str]]:
    """Each line without its numbers, the machine's name and its flags, which are another machine's.

    The number of parameters is left out of a table that would be wider than the terminal with "unsteady" beside a time.
    """
    of_the_machine = re.compile(r"on |unsteady: |\w+: (dirty|shared|throttled)|  ")  # the last: such a note goes on
    lines = [
        re.sub(r"\(unsteady\)|parameters$", "", line) for line in output.splitlines() if not of_the_machine.match(line)
    ]
    return [re.findall(r"[A-Za-z/]+", line) for line in lines if line.strip(" -")]


@pytest.mark.slow
def test_the_same_recipe_with_other_options_is_a_table_of_its_own(command: Command, tmp_path: Path) -> None:
    typed = blocks_of((ROOT / "docs" / "recipes.md").read_text())[0].text.splitlines()
    for line in typed:
        done = command(*line.removeprefix("python -m bench ").split())
        assert done.returncode == 0, done.stderr
    page = (tmp_path / "results" / "README.md").read_text()
    assert len(re.findall(r"^## mnist \(", page, re.MULTILINE)) == len(typed) == 2


@pytest.mark.slow
def test_the_calls_for_a_notebook_run(data_dir: Path, tmp_path: Path) -> None:
    code = next(block.text for page in WRITTEN for block in blocks_of(page) if block.language == "python")
    models = '["mlp", "cnn"]'
    assert models in code
    code = code.replace(models, '["softmax"]')  # a CNN takes a minute; the notebook's own test trains one
    environment = CLEAN | {"MNIST_BENCH_DATA": str(data_dir), "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "report.html").is_file()
