"""The sections on a condition, in their order."""

from collections.abc import Callable, Mapping, Sequence

from bench.analysis.groups import ConditionResults
from bench.analysis.pairwise import Pair
from bench.records import network_export
from bench.records.probes import ProbeRecord
from bench.records.storage import Predictions
from bench.report.elements.probe_results import Arrays, collect_results
from bench.report.elements.section import Section, Sections, build_section
from bench.report.sections import (
    accuracy,
    calibration,
    claims,
    conditions,
    confusion,
    cost,
    distortion,
    examples,
    features,
    hardest,
    learning_curves,
    other_probes,
    sample_efficiency,
    structure,
)

SHOWN = ("distortion", "calibration", "permutation", "blocks", "features", "sample_efficiency")
"""Probes that have a section of their own."""


def build_sections(
    comparison: ConditionResults,
    pairs: Sequence[Pair],
    predictions: Mapping[str, Predictions],
    probes: Sequence[ProbeRecord],
    arrays: Arrays,
    colours: Mapping[str, str],
    with_images: bool = True,
) -> Sections:
    """Build all sections on one condition; those without records are empty.

    Args:
        with_images: pictures of single images and confusions too, which are most of a page.
    """
    slug = comparison.condition.slug
    other_names = sorted({record.probe for record in probes} - {*SHOWN, network_export.PROBE})
    results = {probe: collect_results(comparison, probe, probes) for probe in (*SHOWN, *other_names)}
    builders: dict[str, Callable[[], Section]] = {
        "claims": lambda: claims.section(slug, claims.collect_evidence(comparison, pairs, results)),
        "accuracy": lambda: accuracy.section(slug, comparison, pairs),
        "cost": lambda: cost.section(slug, comparison),
        "distortion": lambda: distortion.section(slug, results["distortion"], colours, arrays),
        "structure": lambda: structure.section(slug, results["permutation"], results["blocks"], colours),
        "features": lambda: features.section(slug, results["features"], arrays),
        "samples": lambda: sample_efficiency.section(slug, results["sample_efficiency"], colours),
        "others": lambda: other_probes.section(slug, {probe: results[probe] for probe in other_names}),
        "digits": lambda: examples.section(slug, comparison, predictions if with_images else {}),
        "hardest": lambda: hardest.section(slug, comparison, predictions if with_images else {}),
        "mistakes": lambda: confusion.section(slug, comparison, predictions if with_images else {}),
        "calibration": lambda: calibration.section(slug, results["calibration"], colours),
        "curves": lambda: learning_curves.section(slug, comparison, colours),
        "conditions": lambda: conditions.section(slug, comparison),
    }
    return {name: build_section(name, builder) for name, builder in builders.items()}
