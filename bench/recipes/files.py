"""Recipe files: TOML, found by name or path, read and checked.

A file holds one recipe, for any model. A folder is an *arm*: a recipe for each model, named after it. Those of the
project lie beside this file; a user's own may lie anywhere.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from bench.common.errors import UserError, cause_of, unknown_name
from bench.common.untrusted import MAX_BYTES
from bench.recipes.optimizers import check_optimizer, optimizer_arguments
from bench.recipes.recipe import FOLDER
from bench.recipes.schedules import SCHEDULES
from bench.records.fields import Name, RecordPart
from bench.records.recipe import PRECISIONS, Augmentation, OptimizerSettings, Recipe

ENDING = ".toml"
MOST_EPOCHS = 10_000
MOST_STEPS = 10_000_000
Provenance = dict[str, str | int | float | bool]
"""Where a tuned recipe comes from, such as the trials and the accuracy on held-out images."""


class RecipeFile(Recipe):
    """Content of a recipe file: a recipe, of which the length may be given in steps, and its provenance."""

    epochs: Annotated[int | float, Field(gt=0, le=MOST_EPOCHS)] = 0
    steps: Annotated[int, Field(gt=0, le=MOST_STEPS)] | None = None
    provenance: Provenance = Field(default_factory=dict)

    def recipe(self, train_size: int, batch_size: int | None = None) -> Recipe:
        """Make the recipe for so many training images, in batches of another size if one is named."""
        values = self.model_dump(exclude={"steps", "provenance"}) | {"batch_size": batch_size or self.batch_size}
        if self.steps is not None:
            one_epoch = Recipe.model_validate(values | {"epochs": 1})
            values["epochs"] = self.steps / one_epoch.steps_per_epoch(train_size)
        return Recipe.model_validate(values)


@dataclass(frozen=True)
class RecipeSet:
    """A recipe for all models, under the key None, or an arm: one for each model by name.

    ``name`` is how records and tables call it.
    """

    name: str
    files: Mapping[str | None, RecipeFile]
    paths: Mapping[str | None, Path]

    @property
    def arm(self) -> str | None:
        """The arm's name; None where one recipe serves all models."""
        return None if None in self.files else self.name

    @property
    def models(self) -> list[str]:
        """Models that have a recipe of their own, sorted; none where one serves all."""
        return sorted(model for model in self.files if model is not None)

    def file(self, model: str) -> RecipeFile:
        """Look up a model's recipe.

        Raises:
            UserError: there is none for it.
        """
        file = self.files.get(None) or self.files.get(model)
        if file is None:
            raise UserError(
                f"{self.name} has no recipe for {model}: it has them for {', '.join(self.models)}; "
                f"'python -m bench tune --models {model}' finds one"
            )
        return file

    def recipe(self, model: str, train_size: int) -> Recipe:
        """Make a model's recipe for so many training images.

        Raises:
            UserError: there is none for it.
        """
        return self.file(model).recipe(train_size)


def list_recipes() -> list[str]:
    """Names of the project's recipes and arms, sorted."""
    files = [path.stem for path in FOLDER.glob(f"*{ENDING}")]
    return sorted([*files, *{path.parent.name for path in FOLDER.glob(f"*/*{ENDING}")}])


def find_recipes(name: str) -> RecipeSet:
    """Find a recipe or an arm by its name, by ``ARM/MODEL``, or by the path of a file or folder.

    Raises:
        UserError: there is none, or a file of it cannot be read or used.
    """
    path = Path(name)
    try:
        if (FOLDER / name).is_dir() and name in list_recipes():
            return _read_arm(FOLDER / name)
        if name in list_recipes() or (FOLDER / f"{name}{ENDING}").is_file():
            return _read_one(FOLDER / f"{name}{ENDING}", name.replace("/", "-"))
        if path.is_dir():
            return _read_arm(path)
        if name.endswith(ENDING):
            return _read_one(path, path.stem)
    except (OSError, ValueError) as error:  # no permission on the way, a name too long, a zero byte
        reason = cause_of(error) if isinstance(error, OSError) else str(error)
        raise UserError(f"cannot read recipe {name!r}: {reason}") from error
    raise unknown_name("recipe", name, [*list_recipes(), f"a file NAME{ENDING}"])


def _read_one(path: Path, name: str) -> RecipeSet:
    return RecipeSet(_checked_name(name), {None: read_recipe(path)}, {None: path})


def _read_arm(folder: Path) -> RecipeSet:
    paths = sorted(folder.glob(f"*{ENDING}"))
    if not paths:
        raise UserError(f"the folder {folder} has no recipes: right would be a file MODEL{ENDING} for each model")
    by_model: dict[str | None, Path] = {_checked_name(path.stem): path for path in paths}
    return RecipeSet(
        _checked_name(folder.resolve().name), {model: read_recipe(path) for model, path in by_model.items()}, by_model
    )


def _checked_name(name: str) -> str:
    """Check that records can hold the name of a recipe.

    Raises:
        UserError: they cannot.
    """
    try:
        return TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise UserError(
            f"a recipe cannot be called {name!r}: right would be letters, digits and _ . + -, at most 80"
        ) from None


def read_recipe(path: Path) -> RecipeFile:
    """Read and check a recipe file.

    Raises:
        UserError: it cannot be read, is no TOML, or a key or value of it is unknown or out of range.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"recipe {path} is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"recipe {path} is too large for a recipe")
        values = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise UserError(f"cannot read recipe {path}: {cause_of(error)}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise UserError(f"recipe {path} is not TOML: {error}") from error
    try:
        return check_recipe(values)
    except UserError as error:
        raise UserError(f"recipe {path}: {error}") from error


def check_recipe(values: Mapping[str, Any]) -> RecipeFile:
    """Check the content of a recipe file.

    Raises:
        UserError: a key or a value is unknown or out of range.
    """
    try:
        # by way of JSON, whose lists may be tuples where nothing else may be taken for another type
        file = RecipeFile.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise UserError(_first_fault(error, values)) from error
    if ("epochs" in values) == (file.steps is not None):
        raise UserError("it needs either epochs or steps, and not both")
    if file.precision not in PRECISIONS:
        raise unknown_name("precision", file.precision, PRECISIONS)
    if file.schedule not in SCHEDULES:
        raise unknown_name("schedule", file.schedule, SCHEDULES)
    check_optimizer(file, matrices_alone=file.others is not None)
    if file.others is not None:
        check_optimizer(file.others)
    return file


def _first_fault(error: ValidationError, values: Mapping[str, Any]) -> str:
    """Say in one line what is wrong first."""
    faults = error.errors(include_url=False)
    path = _path(faults[0]["loc"], values)
    fault = [one for one in faults if _path(one["loc"], values) == path][-1]  # of types tried there the widest
    *tables, key = path or ["recipe"]
    if fault["type"] == "extra_forbidden":
        return _unknown_key(tables, key, values)
    if fault["type"] == "missing":
        return f"{'.'.join([*tables, key])} is missing"
    given = fault["input"]
    shown = f" is {given!r}" if isinstance(given, bool | int | float | str) else ""
    return f"{'.'.join([*tables, key])}{shown}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _path(location: tuple[int | str, ...], values: Mapping[str, Any]) -> list[str]:
    """Keys on the way to a fault, without the types that pydantic has tried there."""
    path, inside = [], values
    for part in location:
        if not isinstance(inside, Mapping):
            break
        path.append(str(part))
        inside = inside.get(str(part), {})
    return path


def _unknown_key(tables: list[str], key: str, values: Mapping[str, Any]) -> str:
    """Say which key is meant, or that it is an argument of the optimizer."""
    optimizer = str(values.get("optimizer", "")).lower()
    if not tables and key in optimizer_arguments(optimizer):
        return f"{key} is an argument of {optimizer}: right would be in a table [optimizer_arguments]"
    schemas: dict[str, type[RecordPart]] = {"augmentation": Augmentation, "others": OptimizerSettings}
    schema = schemas.get(tables[0], RecipeFile) if tables else RecipeFile
    known = [".".join([*tables, name]) for name in schema.model_fields]
    return str(unknown_name("key", ".".join([*tables, key]), known))
