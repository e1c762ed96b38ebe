"""The page about recipes: what it shows can be used as it stands."""

import tomllib
from pathlib import Path

from bench.recipes.files import find_recipes
from bench.recipes.recipe import ARTICLE
from bench.recipes.schedules import SCHEDULES
from bench.records.recipe import Recipe
from bench.records.storage import load_runs
from tests.conftest import ROOT, Command
from tests.support.documents import blocks_of

PAGE = (ROOT / "docs" / "recipes.md").read_text()


def shown() -> str:
    (text,) = (block.text for block in blocks_of(PAGE) if block.language == "toml")
    return text


def test_the_recipe_that_is_shown_trains(command: Command, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(shown())
    recipe = find_recipes(str(tmp_path / "my.toml")).recipe("softmax", 20_000)
    options = ("--models", "softmax", "--suite", "quick", "--probes", "none", "--timing-rounds", "0")
    done = command("run", "--recipe", "my.toml", *options)
    assert done.returncode == 0, done.stderr
    (run,) = load_runs(tmp_path / "results")[0]
    assert run.trial.recipe == "my"
    assert Recipe.model_validate(run.trial.model_dump(include=set(Recipe.model_fields))) == recipe
    assert run.execution is not None
    assert run.execution.mode == "captured"
    assert [epoch.epoch for epoch in run.epochs] == [1, 2]


def test_it_names_every_setting_and_every_schedule() -> None:
    values = tomllib.loads(shown())
    assert values.keys() | {"others"} == set(Recipe.model_fields)
    line = next(line for line in shown().splitlines() if line.startswith("schedule"))
    assert all(name in line for name in SCHEDULES)


def test_the_articles_table_is_its_file() -> None:
    table = PAGE.partition("| | `article` |")[2].partition("\n\n")[0]
    assert f"learning rate {ARTICLE.learning_rate:g}" in table
    assert f"| {ARTICLE.batch_size};" in table
    assert f"| {ARTICLE.epochs}, each" in table
    assert f"| {ARTICLE.precision} |" in table
