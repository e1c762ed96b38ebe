"""Which sections a condition's report has, and in which order."""

from collections.abc import Mapping, Sequence

from bench.groups import Comparison
from bench.probe_records import ProbeRecord
from bench.probes import PROBES
from bench.report import (
    accuracy,
    calibration,
    claims,
    conditions,
    cost,
    digits,
    distortion,
    features,
    mistakes,
    plots,
    samples,
    structure,
)
from bench.report.asked import Arrays, ask
from bench.report.section import Sections
from bench.report.verdicts import Pair
from bench.storage import Predictions


def sections_of(
    comparison: Comparison,
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
    answers = {probe: ask(comparison, probe, probes) for probe in PROBES}
    return {
        "claims": claims.section(slug, claims.evidence_of(comparison, pairs, answers)),
        "accuracy": accuracy.section(slug, comparison, pairs),
        "cost": cost.section(slug, comparison),
        "distortion": distortion.section(slug, answers["distortion"], colours, arrays),
        "structure": structure.section(slug, answers["permutation"], answers["blocks"], colours),
        "features": features.section(slug, answers["features"], arrays),
        "samples": samples.section(slug, answers["sample_efficiency"], colours),
        "digits": digits.section(slug, comparison, stored if with_digits else {}),
        "mistakes": mistakes.section(slug, comparison, stored if with_digits else {}),
        "calibration": calibration.section(slug, answers["calibration"], colours),
        "curves": plots.section(slug, comparison, colours),
        "conditions": conditions.section(slug, comparison),
    }
