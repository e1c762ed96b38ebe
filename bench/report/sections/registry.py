"""Which sections a condition's report has, and in which order."""

from collections.abc import Callable, Mapping, Sequence

from bench.analysis.groups import ConditionResults
from bench.analysis.pairwise import Pair
from bench.records import network_export
from bench.records.probes import ProbeRecord
from bench.records.storage import Predictions
from bench.report.elements.probe_results import Arrays, ask
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
    learning_curves,
    other_probes,
    sample_efficiency,
    structure,
)

SHOWN = ("distortion", "calibration", "permutation", "blocks", "features", "sample_efficiency")
"""The probes that a section of its own is about."""


def build_sections(
    comparison: ConditionResults,
    pairs: Sequence[Pair],
    stored: Mapping[str, Predictions],
    probes: Sequence[ProbeRecord],
    arrays: Arrays,
    colours: Mapping[str, str],
    with_digits: bool = True,
) -> Sections:
    """All of them for one condition; those without records are empty.

    Args:
        with_digits: pictures of single images and confusions too, which are most of a page.
    """
    slug = comparison.condition.slug
    more = sorted({record.probe for record in probes} - {*SHOWN, network_export.PROBE})
    answers = {probe: ask(comparison, probe, probes) for probe in (*SHOWN, *more)}
    makers: dict[str, Callable[[], Section]] = {
        "claims": lambda: claims.section(slug, claims.collect_evidence(comparison, pairs, answers)),
        "accuracy": lambda: accuracy.section(slug, comparison, pairs),
        "cost": lambda: cost.section(slug, comparison),
        "distortion": lambda: distortion.section(slug, answers["distortion"], colours, arrays),
        "structure": lambda: structure.section(slug, answers["permutation"], answers["blocks"], colours),
        "features": lambda: features.section(slug, answers["features"], arrays),
        "samples": lambda: sample_efficiency.section(slug, answers["sample_efficiency"], colours),
        "others": lambda: other_probes.section(slug, {probe: answers[probe] for probe in more}),
        "digits": lambda: examples.section(slug, comparison, stored if with_digits else {}),
        "mistakes": lambda: confusion.section(slug, comparison, stored if with_digits else {}),
        "calibration": lambda: calibration.section(slug, answers["calibration"], colours),
        "curves": lambda: learning_curves.section(slug, comparison, colours),
        "conditions": lambda: conditions.section(slug, comparison),
    }
    return {name: build_section(name, make) for name, make in makers.items()}
