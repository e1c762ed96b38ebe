"""Recipe files: found by name or path, read in full, and refused in one line."""

import os
import random
from pathlib import Path

import pytest

from bench.common.errors import UserError
from bench.recipes.files import find_recipes, list_recipes, read_recipe
from bench.recipes.recipe import ARTICLE, FOLDER

GOOD = """
optimizer = "SGD"
learning_rate = 0.1
batch_size = 100
epochs = 1.5
precision = "fp32"
schedule = "one_cycle"
warm_up = 0.3
[optimizer_arguments]
momentum = 0.9
nesterov = true
[augmentation]
shift = 2
"""
PLAIN = 'optimizer = "adam"\nlearning_rate = 0.001\nbatch_size = 128\nepochs = 10\nprecision = "fp32"\n'


def write(folder: Path, text: str | bytes, name: str = "my.toml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_of_the_users_is_read_in_full(tmp_path: Path) -> None:
    recipes = find_recipes(str(write(tmp_path, GOOD)))
    recipe = recipes.recipe("whatever", 60_000)
    assert (recipes.name, recipes.arm, recipes.models) == ("my", None, [])
    assert recipe.details == "momentum 0.9, nesterov True, schedule one_cycle, warm_up 0.3, shift 2"
    assert (recipe.optimizer, recipe.epochs, recipe.augmentation.shift) == ("sgd", 1.5, 2)


def test_the_articles_recipe_is_one_of_them() -> None:
    assert find_recipes("article").recipe("cnn", 60_000) == ARTICLE
    assert ARTICLE.additions == {}


def test_every_recipe_that_comes_along_can_be_used() -> None:
    for name in list_recipes():
        recipes = find_recipes(name)
        for model in recipes.models or ["cnn"]:
            assert recipes.recipe(model, 60_000).epochs > 0
    assert all(path.suffix == ".toml" for path in FOLDER.rglob("*.toml"))


def test_a_length_in_steps_is_one_in_epochs_of_the_data(tmp_path: Path) -> None:
    recipes = find_recipes(str(write(tmp_path, GOOD.replace("epochs = 1.5", "steps = 900"))))
    assert recipes.recipe("cnn", 60_000).epochs == 1.5
    assert recipes.recipe("cnn", 30_000).epochs == 3


def test_an_arm_is_a_folder_with_a_recipe_for_each_model(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write(folder, PLAIN, "cnn.toml")
    write(folder, GOOD, "mlp.toml")
    recipes = find_recipes(str(folder))
    assert (recipes.name, recipes.arm, recipes.models) == ("mine", "mine", ["cnn", "mlp"])
    assert recipes.recipe("cnn", 60_000) == ARTICLE
    with pytest.raises(UserError, match=r"mine has no recipe for softmax: it has them for cnn, mlp; .*tune"):
        recipes.recipe("softmax", 60_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer = ", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        ("[" * 100_000, "is not TOML"),
        ("", "optimizer is missing"),
        (PLAIN.replace("epochs = 10", ""), "either epochs or steps"),
        (f"{PLAIN}steps = 4", "either epochs or steps"),
        (f"{PLAIN}shcedule = 'linear'", "unknown key 'shcedule': did you mean 'schedule'?"),
        (f"{PLAIN}weight_decay = 0.1", "weight_decay is an argument of adam: right would be in a table"),
        (f"{PLAIN}schedule = 'cosin'", "unknown schedule 'cosin': did you mean 'cosine'?"),
        (f"{PLAIN}warm_up = 2", "warm_up is 2: input should be less than or equal to 1"),
        (f"{PLAIN}[augmentation]\nshft = 1", "unknown key 'augmentation.shft': did you mean 'augmentation.shift'?"),
        (f"{PLAIN}[augmentation]\nshift = 1.5", "augmentation.shift is 1.5: input should be a valid integer"),
        (PLAIN.replace("fp32", "fp8"), "unknown precision 'fp8': did you mean 'fp32'?"),
        (PLAIN.replace("epochs = 10", "epochs = nan"), "epochs is nan: input should be a finite number"),
        (PLAIN.replace("epochs = 10", "epochs = true"), "epochs is True: input should be a valid number"),
        (PLAIN.replace("epochs = 10", "epochs = 2026-01-01"), "epochs is '2026-01-01': input should be a valid number"),
        (
            PLAIN.replace("epochs = 10", "epochs = 100000"),
            "epochs is 100000: input should be less than or equal to 10000",
        ),
        (PLAIN.replace("epochs = 10", f"steps = {10**400}"), "steps"),
        (PLAIN.replace("epochs = 10", "epochs = 0"), "epochs is 0: input should be greater than 0"),
        (PLAIN.replace('"adam"', '"adamm"'), "unknown optimizer 'adamm': did you mean 'adam"),
        (f"{PLAIN}[others]\noptimizer = 'sdg'\nlearning_rate = 1", "unknown optimizer 'sdg': did you mean 'sgd'?"),
    ],
)
def test_what_is_no_recipe_is_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_recipe(write(tmp_path, text))
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_name_that_is_none_and_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown recipe 'articel': did you mean 'article'"):
        find_recipes("articel")
    with pytest.raises(UserError, match=r"cannot read recipe .*none\.toml: No such file"):
        find_recipes(str(tmp_path / "none.toml"))
    with pytest.raises(UserError, match="has no recipes"):
        find_recipes(str(tmp_path))
    with pytest.raises(UserError, match="a recipe cannot be called"):
        find_recipes(str(write(tmp_path, PLAIN, "a b.toml")))


def test_odd_paths_are_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    for name in (tmp_path / "pipe.toml", f"{'a' * 300}.toml", "a\0b.toml", f"{'b' * 5000}/c.toml"):
        with pytest.raises(UserError) as error:
            find_recipes(str(name))
        assert len(str(error.value).splitlines()) == 1


def test_a_length_in_steps_is_kept_in_batches_of_another_size(tmp_path: Path) -> None:
    recipes = find_recipes(str(write(tmp_path, GOOD.replace("epochs = 1.5", "steps = 900"))))
    for batch_size in (50, 64, 100, 1000, 60_000):
        assert recipes.file("cnn").recipe(60_000, batch_size).total_steps(60_000) == 900


def test_damaged_files_are_refused_and_never_more(tmp_path: Path) -> None:
    """Bytes are changed at random: what is read then is a recipe, or refused in one line."""
    draw = random.Random(0)
    for _ in range(300):
        damaged = bytearray(GOOD.encode())
        for _ in range(draw.randint(1, 6)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            read_recipe(write(tmp_path, bytes(damaged))).recipe(60_000)
        except UserError as error:
            assert len(str(error).splitlines()) == 1
