"""Execute one probe of one trained model, from its description to its result, in this process. Writes no files."""

from importlib import import_module
from pathlib import Path

import torch

from bench.data import datasets
from bench.probes.trained_model import Examples, TrainedModel, load_weights
from bench.records.probes import ProbeOutput, ProbeTask
from bench.training.devices import resolve_device
from bench.training.model.initial import initial_model
from bench.training.precision import set_matrix_precision
from bench.training.trial import recipe_of


def execute_probe(task: ProbeTask, data_dir: Path) -> ProbeOutput:
    """Rebuild the trained model of a task and run its probe on it.

    Raises:
        UserError: the weights cannot be read, or are those of another architecture.
    """
    trial = task.trial
    device = torch.device(resolve_device(trial.device))
    torch.set_num_threads(trial.threads)
    set_matrix_precision(trial.precision)
    dataset = datasets.find_dataset(trial.dataset)
    train, test = (_examples(split) for split in datasets.load(dataset, data_dir))
    model = initial_model(trial.model, dataset.num_classes, trial.seed, device)
    load_weights(task.weights, model)
    trained = TrainedModel(
        model=model,
        trial=trial,
        recipe=recipe_of(trial),
        num_classes=dataset.num_classes,
        device=device,
        train=train.first(task.train_images),
        test=test.first(task.images),
        data_dir=data_dir,
    )
    output: ProbeOutput = import_module(f"{__package__}.{task.probe}").measure(trained)
    return output


def _examples(split: datasets.Split) -> Examples:
    return Examples(split.images.numpy(), split.labels.numpy())
