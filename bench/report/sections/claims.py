"""The article's closing table with numbers in it, and in words which of its claims they bear out.

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
from bench.report.elements.probe_results import ProbeResult, difference, gap_over_seeds
from bench.report.elements.section import Section
from bench.report.sections import distortion

MLP, CNN, CONTROL = "mlp", "cnn", "mlp_matched"
HOLDS, IN_PART, UNCLEAR, FAILS, MISSING = "holds", "holds in part", "cannot tell", "does not hold", "not measured"
TOO_FEW = "too few seeds"


@dataclass(frozen=True)
class Evidence:
    """What was measured at one place: groups by model, verdicts, and answers by probe and model.

    ``location`` is named where the page has several, else empty. The article speaks of MNIST; ``elsewhere`` is
    `` on fashion-mnist`` where these were measured on that, else empty.
    """

    location: str
    groups: Mapping[str, Group]
    pairs: Sequence[Pair]
    answers: Mapping[str, Mapping[str, ProbeResult]]
    elsewhere: str = ""

    def to(self, probe: str, *numbers: str) -> dict[str, ProbeResult]:
        """The answers that have those numbers, by model; empty without the MLP's or the CNN's."""
        answers = {model: its for model, its in self.answers.get(probe, {}).items() if its.numbers.keys() >= {*numbers}}
        return answers if MLP in answers and CNN in answers else {}

    def pair(self, first: str, second: str) -> Pair | None:
        """Their verdict, in either order; None where there is none."""
        return next((pair for pair in self.pairs if {pair.first, pair.second} == {first, second}), None)


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim; ``cells`` are by model, ``words`` are put into the claim's own.

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
    """What the article says, how that is measured and in which section, and the reason given with each outcome."""

    aspect: str
    said: str
    measured: str
    section: str
    find: Callable[[Evidence], Finding | None]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class EvaluatedClaim:
    """A row of the table, and its sentences."""

    claim: Claim
    state: str
    why: str = ""
    finding: Finding = Finding()


def _input(evidence: Evidence) -> Finding:
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
        is_it = {CNN: "It is not only more parameters", None: "It may be only more parameters"}
        sentences.append(
            f"{is_it.get(control.winner, 'More parameters do as much')}: {CONTROL}, with {parameters:,} of them where "
            f"the CNN has {evidence.groups[CNN].parameters:,}, reaches {cells[CONTROL]}; {control.words}."
        )
    return Finding(cells, sentences, sign, words={"verdict": verdict})


def _structure(evidence: Evidence) -> Finding | None:
    answers = evidence.to("permutation", "ordered", "permuted")
    if not answers:
        return None
    losses = {model: difference(asked, "ordered", "permuted", retrained=True) for model, asked in answers.items()}
    mlp, cnn = losses[MLP], losses[CNN]
    cnn_left, mlp_left = (_mean(answers[model], "permuted") for model in (CNN, MLP))
    sentence = (
        f"With all pixels in other places, the same in every image, the CNN loses {cnn.words} points and the MLP "
        f"{mlp.words} ({cnn.basis}); they end at {cnn_left} and {mlp_left}."
    )
    cells = {model: loss.words for model, loss in losses.items()}
    return Finding(cells, [sentence], cnn.sign, contested=mlp.sign > 0, judged=mlp.judged and cnn.judged)


def _distortion(evidence: Evidence) -> Finding | None:
    answers = evidence.to("distortion")
    shared = [seed for seed in answers[CNN].seeds if seed in answers[MLP].seeds] if answers else []
    if not shared:
        return None
    mlp, cnn = answers[MLP], answers[CNN]
    means = {model: distortion.mean_over_corruptions(asked, asked.seeds) for model, asked in answers.items()}
    leads = {name: cnn.at(name, shared) - mlp.at(name, shared) for name in distortion.corruptions_of(cnn)}
    lead = gap_over_seeds(np.mean(list(leads.values()), axis=0))
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
        told = [
            f"{kinds[kind]} on {len(corruption_verdicts.names(kind))}"
            for kind in distortion.KINDS
            if corruption_verdicts.names(kind)
        ]
        sentences.append(f"One by one, with {len(shared)} seeds, it is {', '.join(told)}.")
    cells = {model: f"{mean_with_half_width(100 * values, 1)} %" for model, values in means.items()}
    words = {"lead": lead.words, "lower": f"{len(lower)} of {len(leads)}"}
    measured = f"mean accuracy under {len(leads)} corruptions"
    return Finding(cells, sentences, lead.sign, bool(lower), lead.judged, words, measured)


def _features(evidence: Evidence) -> Finding | None:
    answers = evidence.to("features", "trained", "random")
    if not answers:
        return None
    gains = {model: difference(asked, "trained", "random") for model, asked in answers.items()}
    cnn, mlp = (f"from {_mean(answers[model], 'random')} to {_mean(answers[model], 'trained')}" for model in (CNN, MLP))
    sentences = [
        f"Training adds {gains[CNN].words} points to the CNN's features, {cnn}, and {gains[MLP].words} to the MLP's, "
        f"{mlp} ({gains[CNN].basis})."
    ]
    hog = next((asked for asked in evidence.answers["features"].values() if "hog" in asked.numbers), None)
    if hog:
        best = hog.numbers["hog"].mean()
        beaten = [model.upper() for model in (CNN, MLP) if answers[model].numbers["trained"].mean() > best]
        verdict = f"less than the trained features of the {' and the '.join(beaten)}" if beaten else "more than either"
        sentences.append(f"Features designed by hand (HOG) give {_mean(hog, 'hog')}, {verdict}.")
    cells = {model: gain.words for model, gain in gains.items()}
    return Finding(cells, sentences, gains[CNN].sign, contested=gains[MLP].sign > 0)


def _mean(asked: ProbeResult, name: str) -> str:
    return f"{100 * float(asked.numbers[name].mean()):.2f} %"


CLAIMS = (
    Claim(
        "input", "MLP: a vector; CNN: an image", "test accuracy", "accuracy", _input,
        {HOLDS: "{verdict}", UNCLEAR: "{verdict}", FAILS: "{verdict}"},
    ),
    Claim(
        "spatial structure", "MLP: lost; CNN: kept", "points lost when all pixels change places", "structure",
        _structure, {
            HOLDS: "the CNN loses, the MLP does not, as far as can be told",
            IN_PART: "both lose",
            UNCLEAR: "the CNN's loss is within its error",
            FAILS: "the CNN gains",
            TOO_FEW: "too few seeds",
        },
    ),
    Claim(
        "distortion", "MLP: weak; CNN: strong", "mean accuracy under corruptions", "distortion",
        _distortion, {
            HOLDS: "(lead of {lead} points)",
            IN_PART: "on average, not on {lower} (lead of {lead} points)",
            UNCLEAR: "the lead on average is within its error (lead of {lead} points)",
            FAILS: "the MLP is ahead on average (lead of {lead} points)",
            TOO_FEW: "too few seeds (lead of {lead} points)",
        },
    ),
    Claim(
        "features", "MLP: hand-made; CNN: automatic", "points that training adds to the features", "features",
        _features, {
            HOLDS: "the CNN learns its features, the MLP not as far as can be told",
            IN_PART: "the CNN learns its features, and so does the MLP",
            UNCLEAR: "the CNN's gain is within its error",
            FAILS: "training makes the CNN's features worse",
        },
    ),
)  # fmt: skip
"""In the article's order."""


def evaluate_claim(claim: Claim, evidence: Evidence) -> EvaluatedClaim:
    """It holds where the CNN's difference is above zero beyond its error, and in part where something contests it."""
    finding = claim.find(evidence)
    if finding is None:
        return EvaluatedClaim(claim, MISSING)
    by_sign = {1: IN_PART if finding.contested else HOLDS, 0: UNCLEAR, -1: FAILS}
    outcome = by_sign[finding.sign] if finding.judged else TOO_FEW
    why = claim.reasons[outcome].format_map(finding.words)
    return EvaluatedClaim(claim, UNCLEAR if outcome == TOO_FEW else outcome, why, finding)


def section(slug: str, evidence: Evidence | None) -> Section:
    """The table and the paragraph; empty where no place has both models."""
    if evidence is None:
        return Section()
    evaluated = [evaluate_claim(claim, evidence) for claim in CLAIMS]
    gist = count_states([its.state for its in evaluated], evidence.elsewhere)
    rows = [
        {
            "in the article": its.claim.aspect,
            "it says": its.claim.said,
            "measured as": its.finding.measured or its.claim.measured,
            **{model: its.finding.cells.get(model, "") for model in (MLP, CNN, CONTROL) if model in evidence.groups},
            "verdict": f"{its.state}{f': {its.why}' if its.why else ''}",
        }
        for its in evaluated
    ]
    sections = ["" if its.state == MISSING else its.claim.section for its in evaluated]
    sources = [Link(name, anchor(slug, name)) if name else "" for name in sections]
    blocks: list[Block] = [
        Heading(3, f"The article's table, measured{evidence.elsewhere}", anchor(slug, "claims")),
        Table("claims", [{**row, "from": source} for row, source in zip(rows, sources, strict=True)]),
        f"**{escape(gist)}**" + "".join(f" {escape(words)}" for its in evaluated for words in its.finding.sentences),
        "± and brackets are 95 % intervals, over seeds unless it says otherwise."
        + (f" Measured on {escape(evidence.location)}." if evidence.location else ""),
    ]
    return Section(blocks, [{"condition": slug, **row} for row in rows], gist)


def collect_evidence(
    comparison: ConditionResults, pairs: Sequence[Pair], answers: Mapping[str, Sequence[ProbeResult]]
) -> Evidence | None:
    """That of the place with the most runs of the two models, then the newest; None where no place has both."""
    locations = {
        location: {group.model: group for group in comparison.at(location)} for location in comparison.locations
    }
    locations = {location: groups for location, groups in locations.items() if MLP in groups and CNN in groups}
    if not locations:
        return None
    location = max(
        locations, key=lambda name: by_count_and_date([*locations[name][MLP].runs, *locations[name][CNN].runs])
    )
    by_probe = {
        probe: {asked.group.model: asked for asked in several if asked.group.location == location}
        for probe, several in answers.items()
    }
    named = location if len(comparison.locations) > 1 else ""
    dataset = comparison.condition.dataset
    elsewhere = "" if dataset == MNIST.name else f" on {dataset}"
    return Evidence(
        named, locations[location], [pair for pair in pairs if pair.location == location], by_probe, elsewhere
    )


def count_states(states: Sequence[str], elsewhere: str = "") -> str:
    """``Of the article's four claims 2 hold, 1 holds in part and 1 was not measured.``; see :class:`Evidence`."""
    many = {HOLDS: "hold", IN_PART: "hold in part", UNCLEAR: "cannot be told", FAILS: "do not hold"}
    one = {HOLDS: "holds", IN_PART: "holds in part", UNCLEAR: "cannot be told", FAILS: "does not hold"}
    many[MISSING], one[MISSING] = "were not measured", "was not measured"
    counts = Counter(states)
    parts = [f"{counts[state]} {(one if counts[state] == 1 else many)[state]}" for state in many if counts[state]]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    where = f", which are about MNIST, measured{elsewhere}:" if elsewhere else ""
    return f"Of the article's four claims{where} {listed}."
