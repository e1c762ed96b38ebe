"""Section on the article's claims: its closing table with measurements, and a verdict on each claim.

The article says of an MLP and a CNN: input a vector / an image, spatial structure lost / kept, against distortion
weak / strong, features hand-made / automatic. Every word here follows from the records.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.analysis.groups import ConditionResults, Group, by_count_and_date
from bench.analysis.pairwise import Pair
from bench.data.registry import MNIST
from bench.report.elements.blocks import Block, Heading, Link, Table, anchor
from bench.report.elements.formatting import escape, mean_with_half_width, percent_with_interval
from bench.report.elements.probe_results import ProbeResult, difference, difference_over_seeds
from bench.report.elements.section import Section
from bench.report.sections import distortion

MLP, CNN, CONTROL = "mlp", "cnn", "mlp_matched"
HOLDS, IN_PART, UNCLEAR, FAILS, MISSING = "holds", "holds in part", "cannot tell", "does not hold", "not measured"
TOO_FEW = "too few seeds"


@dataclass(frozen=True)
class Evidence:
    """Measurements at one location: groups by model, verdicts, and results by probe and model.

    ``location`` is named where the page has several, else empty. The article speaks of MNIST; ``elsewhere`` is
    `` on fashion-mnist`` where these were measured on that, else empty.
    """

    location: str
    groups: Mapping[str, Group]
    pairs: Sequence[Pair]
    results_by_probe: Mapping[str, Mapping[str, ProbeResult]]
    elsewhere: str = ""

    def results_with(self, probe: str, *numbers: str) -> dict[str, ProbeResult]:
        """Return the results that have those numbers, by model; empty without the MLP's or the CNN's."""
        by_model = self.results_by_probe.get(probe, {})
        results = {model: result for model, result in by_model.items() if result.numbers.keys() >= {*numbers}}
        return results if MLP in results and CNN in results else {}

    def pair(self, first: str, second: str) -> Pair | None:
        """Return the verdict on two models, in either order; None where there is none."""
        return next((pair for pair in self.pairs if {pair.first, pair.second} == {first, second}), None)


@dataclass(frozen=True)
class Finding:
    """A measurement for a claim: ``cells`` by model; ``words`` are put into the claim's reasons.

    ``sign`` is that of the CNN's difference, 0 where it is within its error; ``contested`` where something else speaks
    against the claim; ``judged`` is false with too few seeds; ``measured`` says it more exactly than the claim.
    """

    cells: Mapping[str, str] = field(default_factory=dict)
    sentences: Sequence[str] = ()
    sign: int = 0
    contested: bool = False
    judged: bool = True
    words: Mapping[str, str] = field(default_factory=dict)
    measured: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim of the article: its statement, how and in which section it is measured, and a reason by outcome."""

    aspect: str
    statement: str
    measured: str
    section: str
    find: Callable[[Evidence], Finding | None]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class EvaluatedClaim:
    """A claim with its state, the reason and the finding."""

    claim: Claim
    state: str
    why: str = ""
    finding: Finding = Finding()


def _input_finding(evidence: Evidence) -> Finding:
    cells = {model: percent_with_interval(group) for model, group in evidence.groups.items()}
    pair = evidence.pair(MLP, CNN)
    verdict = pair.words if pair else "no predictions to compare"
    sign, opening = {
        CNN: (1, "Taking the image as an image pays"),
        MLP: (-1, "Taking the image as an image does not pay"),
        None: (0, "Whether taking the image as an image pays cannot be told"),
    }[pair.winner if pair else None]
    sentences = [f"{opening}: {verdict}."]
    control = evidence.pair(CONTROL, CNN)
    if control:
        parameters = evidence.groups[CONTROL].parameters
        openings = {CNN: "It is not only more parameters", None: "It may be only more parameters"}
        sentences.append(
            f"{openings.get(control.winner, 'More parameters do as much')}: {CONTROL}, with {parameters:,} of them "
            f"where the CNN has {evidence.groups[CNN].parameters:,}, reaches {cells[CONTROL]}; {control.words}."
        )
    return Finding(cells, sentences, sign, words={"verdict": verdict})


def _structure_finding(evidence: Evidence) -> Finding | None:
    results = evidence.results_with("permutation", "ordered", "permuted")
    if not results:
        return None
    losses = {model: difference(result, "ordered", "permuted", retrained=True) for model, result in results.items()}
    mlp, cnn = losses[MLP], losses[CNN]
    cnn_left, mlp_left = (_mean_percent(results[model], "permuted") for model in (CNN, MLP))
    sentence = (
        f"With all pixels in other places, the same in every image, the CNN loses {cnn.words} points and the MLP "
        f"{mlp.words} ({cnn.basis}); they end at {cnn_left} and {mlp_left}."
    )
    cells = {model: loss.words for model, loss in losses.items()}
    return Finding(cells, [sentence], cnn.sign, contested=mlp.sign > 0, judged=mlp.judged and cnn.judged)


def _distortion_finding(evidence: Evidence) -> Finding | None:
    results = evidence.results_with("distortion")
    shared = [seed for seed in results[CNN].seeds if seed in results[MLP].seeds] if results else []
    if not shared:
        return None
    mlp, cnn = results[MLP], results[CNN]
    means = {model: distortion.mean_over_corruptions(result, result.seeds) for model, result in results.items()}
    leads = {name: cnn.at(name, shared) - mlp.at(name, shared) for name in distortion.corruptions_of(cnn)}
    lead = difference_over_seeds(np.mean(list(leads.values()), axis=0))
    lower = sorted((float(values.mean()), name) for name, values in leads.items() if values.mean() <= 0)
    sentences = [
        f"Over the {len(leads)} corruptions the CNN keeps a mean accuracy of {100 * means[CNN].mean():.1f} % and "
        f"the MLP {100 * means[MLP].mean():.1f} %, a lead of {lead.words} points."
    ]
    if lower:
        names = ", ".join(f"{name.replace('_', ' ')} {100 * mean:+.1f}" for mean, name in lower)
        sentences.append(f"The CNN came out no better on {len(lower)} of them ({names}).")
    corruption_verdicts = distortion.corruption_verdicts(cnn, mlp)
    if corruption_verdicts:
        kinds = {"ahead": "ahead", "behind": "behind", "cannot tell": "not told apart"}
        counts = [
            f"{kinds[kind]} on {len(corruption_verdicts.names(kind))}"
            for kind in distortion.VERDICT_KINDS
            if corruption_verdicts.names(kind)
        ]
        sentences.append(f"One by one, with {len(shared)} seeds, it is {', '.join(counts)}.")
    cells = {model: f"{mean_with_half_width(100 * values, 1)} %" for model, values in means.items()}
    words = {"lead": lead.words, "lower": f"{len(lower)} of {len(leads)}"}
    measured = f"mean accuracy under {len(leads)} corruptions"
    return Finding(cells, sentences, lead.sign, bool(lower), lead.judged, words, measured)


def _features_finding(evidence: Evidence) -> Finding | None:
    results = evidence.results_with("features", "trained", "random")
    if not results:
        return None
    gains = {model: difference(result, "trained", "random") for model, result in results.items()}
    cnn, mlp = (
        f"from {_mean_percent(results[model], 'random')} to {_mean_percent(results[model], 'trained')}"
        for model in (CNN, MLP)
    )
    sentences = [
        f"Training adds {gains[CNN].words} points to the CNN's features, {cnn}, and {gains[MLP].words} to the MLP's, "
        f"{mlp} ({gains[CNN].basis})."
    ]
    hog = next((result for result in evidence.results_by_probe["features"].values() if "hog" in result.numbers), None)
    if hog:
        best = hog.numbers["hog"].mean()
        beaten = [model.upper() for model in (CNN, MLP) if results[model].numbers["trained"].mean() > best]
        verdict = f"less than the trained features of the {' and the '.join(beaten)}" if beaten else "more than either"
        sentences.append(f"Features designed by hand (HOG) give {_mean_percent(hog, 'hog')}, {verdict}.")
    cells = {model: gain.words for model, gain in gains.items()}
    return Finding(cells, sentences, gains[CNN].sign, contested=gains[MLP].sign > 0)


def _mean_percent(result: ProbeResult, name: str) -> str:
    return f"{100 * float(result.numbers[name].mean()):.2f} %"


CLAIMS = (
    Claim(
        "input", "MLP: a vector; CNN: an image", "test accuracy", "accuracy", _input_finding,
        {HOLDS: "{verdict}", UNCLEAR: "{verdict}", FAILS: "{verdict}"},
    ),
    Claim(
        "spatial structure", "MLP: lost; CNN: kept", "points lost when all pixels change places", "structure",
        _structure_finding, {
            HOLDS: "the CNN loses, the MLP does not, as far as can be told",
            IN_PART: "both lose",
            UNCLEAR: "the CNN's loss is within its error",
            FAILS: "the CNN gains",
            TOO_FEW: TOO_FEW,
        },
    ),
    Claim(
        "distortion", "MLP: weak; CNN: strong", "mean accuracy under corruptions", "distortion",
        _distortion_finding, {
            HOLDS: "(lead of {lead} points)",
            IN_PART: "on average, not on {lower} (lead of {lead} points)",
            UNCLEAR: "the lead on average is within its error (lead of {lead} points)",
            FAILS: "the MLP is ahead on average (lead of {lead} points)",
            TOO_FEW: TOO_FEW + " (lead of {lead} points)",
        },
    ),
    Claim(
        "features", "MLP: hand-made; CNN: automatic", "points that training adds to the features", "features",
        _features_finding, {
            HOLDS: "the CNN learns its features, the MLP not as far as can be told",
            IN_PART: "the CNN learns its features, and so does the MLP",
            UNCLEAR: "the CNN's gain is within its error",
            FAILS: "training makes the CNN's features worse",
        },
    ),
)  # fmt: skip
"""All claims, in the article's order."""


def evaluate_claim(claim: Claim, evidence: Evidence) -> EvaluatedClaim:
    """Evaluate a claim: it holds where the CNN's difference is above zero beyond its error, in part where contested."""
    finding = claim.find(evidence)
    if finding is None:
        return EvaluatedClaim(claim, MISSING)
    by_sign = {1: IN_PART if finding.contested else HOLDS, 0: UNCLEAR, -1: FAILS}
    outcome = by_sign[finding.sign] if finding.judged else TOO_FEW
    why = claim.reasons[outcome].format_map(finding.words)
    return EvaluatedClaim(claim, UNCLEAR if outcome == TOO_FEW else outcome, why, finding)


def section(slug: str, evidence: Evidence | None) -> Section:
    """Build the table and the paragraph; empty where no location has both models."""
    if evidence is None:
        return Section()
    evaluated_claims = [evaluate_claim(claim, evidence) for claim in CLAIMS]
    summary = count_states([evaluated.state for evaluated in evaluated_claims], evidence.elsewhere)
    models = [model for model in (MLP, CNN, CONTROL) if model in evidence.groups]
    rows = [
        {
            "in the article": evaluated.claim.aspect,
            "it says": evaluated.claim.statement,
            "measured as": evaluated.finding.measured or evaluated.claim.measured,
            **{model: evaluated.finding.cells.get(model, "") for model in models},
            "verdict": f"{evaluated.state}{f': {evaluated.why}' if evaluated.why else ''}",
        }
        for evaluated in evaluated_claims
    ]
    sentences = [sentence for evaluated in evaluated_claims for sentence in evaluated.finding.sentences]
    sections = ["" if evaluated.state == MISSING else evaluated.claim.section for evaluated in evaluated_claims]
    sources = [Link(name, anchor(slug, name)) if name else "" for name in sections]
    heads = {model: evidence.groups[model].name for model in models}
    shown_rows = [{heads.get(column, column): cell for column, cell in row.items()} for row in rows]
    blocks: list[Block] = [
        Heading(3, f"The article's table, measured{evidence.elsewhere}", anchor(slug, "claims")),
        Table("claims", [{**row, "from": source} for row, source in zip(shown_rows, sources, strict=True)]),
        f"**{escape(summary)}**" + "".join(f" {escape(sentence)}" for sentence in sentences),
        "± and brackets are 95 % intervals, over seeds unless it says otherwise."
        + (f" Measured on {escape(evidence.location)}." if evidence.location else ""),
    ]
    return Section(blocks, [{"condition": slug, **row} for row in rows], summary)


def collect_evidence(
    comparison: ConditionResults, pairs: Sequence[Pair], results_by_probe: Mapping[str, Sequence[ProbeResult]]
) -> Evidence | None:
    """Collect the evidence of the location with the most runs of both models, then the newest; None without any."""
    groups = {location: {group.model: group for group in comparison.at(location)} for location in comparison.locations}
    with_both = {location: models for location, models in groups.items() if models.keys() >= {MLP, CNN}}
    if not with_both:
        return None
    location = max(with_both, key=lambda name: by_count_and_date([*groups[name][MLP].runs, *groups[name][CNN].runs]))
    by_probe = {
        probe: {result.group.model: result for result in results if result.group.location == location}
        for probe, results in results_by_probe.items()
    }
    location_label = location if len(comparison.locations) > 1 else ""
    dataset = comparison.condition.dataset
    elsewhere = "" if dataset == MNIST.name else f" on {dataset}"
    located = [pair for pair in pairs if pair.location == location]
    return Evidence(location_label, groups[location], located, by_probe, elsewhere)


def count_states(states: Sequence[str], elsewhere: str = "") -> str:
    """Count the claims by state: ``Of the article's four claims 2 hold, 1 holds in part and 1 was not measured.``.

    ``elsewhere`` is that of :class:`Evidence`.
    """
    many = {HOLDS: "hold", IN_PART: "hold in part", UNCLEAR: "cannot be told", FAILS: "do not hold"}
    one = {HOLDS: "holds", IN_PART: "holds in part", UNCLEAR: "cannot be told", FAILS: "does not hold"}
    many[MISSING], one[MISSING] = "were not measured", "was not measured"
    counts = Counter(states)
    parts = [f"{counts[state]} {(one if counts[state] == 1 else many)[state]}" for state in many if counts[state]]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    where = f", which are about MNIST, measured{elsewhere}:" if elsewhere else ""
    return f"Of the article's four claims{where} {listed}."
