"""The command ``models``: the registered models with their size."""

from bench.cli.output import print_rows
from bench.common.errors import UserError
from bench.training.model.flops import counted, train_flops_per_image
from bench.training.trial import describe_model
from models import create_model, list_models


def print_models(as_json: bool) -> None:
    """Build every registered model and print its parameters and FLOPs.

    Raises:
        UserError: a model cannot be built.
    """
    rows = []
    for name in list_models():
        try:
            info = describe_model(name, create_model(name), counted(train_flops_per_image, create_model(name)))
        except Exception as error:
            raise UserError(f"model {name!r} cannot be built: {type(error).__name__}: {error}") from error
        rows.append(info.model_dump(include={"name", "parameters", "train_flops_per_image"}))
    print_rows(rows, as_json)
