"""Write the playground: a self-contained page to change a test digit and watch the models' probabilities.

It is for digits, which a reader can draw: models trained on other images are not on it, and the page says so.

The weights are inside, in half precision; the page computes the networks in plain JavaScript. Whether that gives what
torch gives is tested in a browser (``tests/browser``).
"""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis.groups import ConditionResults, Group, by_count_and_date
from bench.common.atomic import write_atomically
from bench.data.numpy_loader import packed_array
from bench.data.registry import DATASETS
from bench.records import network_export
from bench.records.probes import ProbeRecord, load_arrays
from bench.records.schema import Run
from bench.report.elements.probe_results import ProbeResult, collect_results
from bench.report.pages.templating import fill

FILE = "playground.html"
SCRIPTS = ("network.js", "picture.js", "pen.js", "sweep.js", "playground.js")
DIGITS_PER_CLASS = 2
CLASSES = 10
"""Number of classes, the ten digits."""
MAX_WEIGHT_TEXT_BYTES = 1_900_000
"""Size of all weights as text, at most; the whole page stays under 2,000,000 bytes."""


@dataclass(frozen=True)
class PlaygroundModel:
    """A model on the page: its network, and the run the weights are from."""

    group: Group
    run: Run
    record: ProbeRecord
    layers: tuple[network_export.Layer, ...]
    arrays: Mapping[str, np.ndarray]

    @property
    def weights(self) -> str:
        """Base64 of all weights as little-endian float16, in the order of the layers."""
        return _base64(b"".join(array.astype("<f2").tobytes() for array in self._weight_arrays))

    @property
    def _weight_arrays(self) -> list[np.ndarray]:
        positions = [position for position, layer in enumerate(self.layers) if layer.has_weights]
        return [self.arrays[name] for position in positions for name in network_export.names_at(position)]

    def script_data(self, colours: Mapping[str, str]) -> dict[str, Any]:
        """Build the values that the page's script reads."""
        layers = [layer.model_dump() for layer in self.layers]
        for position, layer in enumerate(layers):
            weight = self.arrays.get(network_export.names_at(position)[0])
            layer["shape"] = list(weight.shape) if weight is not None else []
        return {
            "name": self.group.model,
            "colour": colours.get(self.group.model, "#7F7F7F"),
            "mean": self.record.numbers["pixel_mean"],
            "std": self.record.numbers["pixel_std"],
            "layers": layers,
            "weights": self.weights,
        }


@dataclass(frozen=True)
class ModelSelection:
    """The models on the page, fewest parameters first, and those left out, with the reason.

    ``other_images`` lists the datasets whose models are left out since their images are no digits.
    """

    comparison: ConditionResults
    models: Sequence[PlaygroundModel]
    left_out: Mapping[str, str]
    other_images: Sequence[str] = ()


def write(
    results: Path, comparisons: Sequence[ConditionResults], probes: Sequence[ProbeRecord], colours: Mapping[str, str]
) -> Path | None:
    """Write ``playground.html`` in ``results``, or remove an old one where no record gives a network.

    Raises:
        OSError: the folder cannot be written.
    """
    path = results / FILE
    selection = choose(results, comparisons, probes)
    digits = first_digits(selection.comparison.condition.dataset) if selection else None
    if selection is None or digits is None:
        path.unlink(missing_ok=True)
        return None
    write_atomically(path, page(selection, digits, colours))
    return path


def choose(
    results: Path, comparisons: Sequence[ConditionResults], probes: Sequence[ProbeRecord]
) -> ModelSelection | None:
    """Choose the models of one location, of each its lowest seed; None where there is no network anywhere.

    The location is that with the most models, in the first table where several have them, then with the most runs, then
    the newest.
    """
    selections = []
    digit_comparisons = [comparison for comparison in comparisons if _shows_digits(comparison)]
    for order, comparison in enumerate(digit_comparisons):
        probe_results = collect_results(comparison, network_export.PROBE, probes)
        for location in comparison.locations:
            selection = _select_models(
                results, comparison, [result for result in probe_results if result.group.location == location]
            )
            runs = [run for group in comparison.at(location) for run in group.runs]
            selections.append(((len(selection.models), -order, by_count_and_date(runs)), selection))
    best = max(selections, key=lambda candidate: candidate[0], default=None)
    return replace(best[1], other_images=other_images(comparisons)) if best and best[1].models else None


def other_images(comparisons: Sequence[ConditionResults]) -> list[str]:
    """List the datasets whose images are no digits, by name."""
    return sorted({comparison.condition.dataset for comparison in comparisons if not _shows_digits(comparison)})


def _shows_digits(comparison: ConditionResults) -> bool:
    dataset = DATASETS.get(comparison.condition.dataset)
    return dataset is not None and dataset.digits


def first_digits(dataset: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Load the first two test images of each class, uint8 ``(20, 28, 28)``, and their labels; None without files."""
    images, labels = packed_array(dataset), packed_array(dataset, "t10k-labels-idx1-ubyte")
    if images is None or labels is None:
        return None
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:DIGITS_PER_CLASS] for digit in range(CLASSES)])
    return images[chosen], labels[chosen]


def page(selection: ModelSelection, digits: tuple[np.ndarray, np.ndarray], colours: Mapping[str, str]) -> str:
    """Render the whole file."""
    images, labels = digits
    data: dict[str, Any] = {
        "models": [model.script_data(colours) for model in selection.models],
        "digits": {"labels": labels.tolist(), "pixels": _base64(images.tobytes())},
    }
    return fill(
        "playground.html",
        "playground.css",
        SCRIPTS,
        title="Playground: change a digit, watch the models",
        data=data,
        condition=selection.comparison.condition,
        players=selection.models,
        left_out=selection.left_out,
        other_images=selection.other_images,
        deviation=rounded_up(max(model.record.numbers["deviation"] for model in selection.models)),
        norms=sorted({(model["mean"], model["std"]) for model in data["models"]}),
        images=min(model.record.images for model in selection.models),
    )


def rounded_up(value: float) -> str:
    """Format the smallest number with one significant digit that is no less than ``value``."""
    step = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return f"{math.ceil(value / step) * step:.1g}"


def _select_models(results: Path, comparison: ConditionResults, probe_results: Iterable[ProbeResult]) -> ModelSelection:
    """Select models, the most accurate first, as long as their weights fit into the page."""
    models, left_out, remaining_bytes = list[PlaygroundModel](), dict[str, str](), MAX_WEIGHT_TEXT_BYTES
    for result in sorted(probe_results, key=lambda result: -result.group.mean_accuracy):
        model = _load_model(results, result)
        if isinstance(model, PlaygroundModel):
            size = len(model.weights)
            if size <= remaining_bytes:
                models.append(model)
                remaining_bytes -= size
                continue
            model = "its weights do not fit into the page beside the others"
        left_out[result.group.model] = model
    models.sort(key=lambda model: (model.group.parameters, model.group.model))
    return ModelSelection(comparison, models, left_out)


def _load_model(results: Path, result: ProbeResult) -> PlaygroundModel | str:
    """Load the network of the model's lowest seed, or say why it cannot be shown.

    Records may come from elsewhere, so everything is checked.
    """
    record = result.records[0]
    if "layers" not in record.notes:
        return record.notes.get("left_out", "its record holds no layers")
    missing = {"pixel_mean", "pixel_std", "deviation"} - record.numbers.keys()
    if missing:
        return f"its record holds no {min(missing)}"
    try:
        layers, arrays = network_export.from_text(record.notes["layers"]), load_arrays(results, record)
        if network_export.shape_after(layers, arrays) != (CLASSES,):
            return f"it does not give {CLASSES} numbers"
    except ValueError as error:
        return str(error)
    run = next(run for run in result.group.runs if run.stem == record.run)
    return PlaygroundModel(result.group, run, record, layers, arrays)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
