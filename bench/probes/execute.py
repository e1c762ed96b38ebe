"""Execute one probe of one trained model, from its description to its result, in this process. Writes no files."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import torch

from bench.common.errors import UserError
from bench.data import datasets
from bench.probes.rebuild import check_answers, load_weights
from bench.probes.registry import PROBES
from bench.probes.retrain import retrain_model
from bench.probes.trained_model import Examples, TrainedModel
from bench.records.probes import ProbeOutput, ProbeTask
from bench.training.devices import resolve_device
from bench.training.model.initial import initial_model
from bench.training.model.purity import impurity
from bench.training.pipeline import to_device
from bench.training.precision import set_matrix_precision
from bench.training.trial import recipe_of

STEPS = 8
"""Number of steps that show whether a model trains as it did before."""


def execute_probe(task: ProbeTask, data_dir: Path) -> ProbeOutput:
    """Rebuild the trained model of a task, check that it answers as the run says, and run the probe on it.

    Raises:
        UserError: the weights or the stored answers cannot be read, the rebuilt model is not the trained one, or one
            that the probe trains again does not train as it did before.
    """
    trial = task.trial
    if task.answers is None:
        raise UserError(
            "the run's predictions are gone or damaged, so nobody can tell whether its rebuilt model is the trained "
            "one; put them back, or remove its weights and the model is trained again"
        )
    device = torch.device(resolve_device(trial.device))
    recipe = recipe_of(trial)
    torch.set_num_threads(trial.threads)
    set_matrix_precision(trial.precision)
    dataset = datasets.find_dataset(trial.dataset)
    train_split, test_split = datasets.load(dataset, data_dir)
    train, test = _examples(train_split), _examples(test_split)
    model = initial_model(trial.model, dataset.num_classes, trial.seed, device)
    first_batch = to_device(train_split.images[: trial.batch_size], train_split.labels[: trial.batch_size], device)
    load_weights(task.weights, model, first_batch.images, recipe)
    check_answers(model, task.answers, to_device(test_split.images, test_split.labels, device), recipe, task.doubts)
    trained = TrainedModel(
        model=model,
        trial=trial,
        recipe=recipe,
        num_classes=dataset.num_classes,
        device=device,
        train=train.first(task.train_images),
        test=test.first(task.images),
        data_dir=data_dir,
    )
    measure: Callable[[TrainedModel], ProbeOutput] = import_module(f"{__package__}.{task.probe}").measure
    if impurity(model) is None:
        return measure(trained)
    before = _first_steps(trained) if PROBES[task.probe].trains else []
    output = measure(trained)
    if before and not _alike(before, _first_steps(trained)):
        raise UserError("trained again, the model learns otherwise: something outside it remembers what was before")
    return replace(output, leaves_traces=True)


def _first_steps(trained: TrainedModel) -> list[torch.Tensor]:
    """Train a new model for a few steps; gives its tensors, of any type."""
    batch = trained.recipe.batch_size
    model = retrain_model(trained, trained.train.first(STEPS * batch), STEPS)
    return [tensor.detach().cpu().to(torch.complex128) for tensor in (*model.parameters(), *model.buffers())]


def _alike(before: Sequence[torch.Tensor], after: Sequence[torch.Tensor]) -> bool:
    """Compare tensors as far as a GPU repeats them."""
    shapes = [[tensor.shape for tensor in tensors] for tensors in (before, after)]
    return shapes[0] == shapes[1] and all(
        torch.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True)
        for one, other in zip(before, after, strict=True)
    )


def _examples(split: datasets.Split) -> Examples:
    return Examples(split.images.numpy(), split.labels.numpy())
