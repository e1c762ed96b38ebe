"""The article's closing table with numbers in it, and in words which of its claims they bear out.

The article says of an MLP and a CNN: input a vector / an image, spatial structure lost / kept, against distortion
weak / strong, features hand-made / automatic. Every word here follows from the records.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench import stats
from bench.catalogue import MNIST
from bench.groups import Comparison, Group, most_then_newest
from bench.report import distortion
from bench.report.asked import Asked, Gap, gap
from bench.report.blocks import Block, Heading, Link, Table, anchor
from bench.report.cells import escape, mean_with_half_width, percent_with_interval
from bench.report.section import Section
from bench.report.verdicts import Pair

MLP, CNN, CONTROL = "mlp", "cnn", "mlp_matched"
HOLDS, IN_PART, UNCLEAR, FAILS, MISSING = "holds", "holds in part", "cannot tell", "does not hold", "not measured"


@dataclass(frozen=True)
class Evidence:
    """What was measured at one place: groups by model, verdicts, and answers by probe and model.

    ``place`` is named where the page has several, else empty. The article speaks of MNIST; ``elsewhere`` is the name
    of the dataset where these were measured on another, else empty.
    """

    place: str
    groups: Mapping[str, Group]
    pairs: Sequence[Pair]
    answers: Mapping[str, Mapping[str, Asked]]
    elsewhere: str = ""

    def both(self, probe: str) -> tuple[Asked, Asked] | None:
        """The MLP's and the CNN's answers to a probe."""
        found = self.answers.get(probe, {})
        return (found[MLP], found[CNN]) if MLP in found and CNN in found else None

    def pair(self, first: str, second: str) -> Pair | None:
        """Their verdict, in either order; None where there is none."""
        return next((pair for pair in self.pairs if {pair.first, pair.second} == {first, second}), None)


@dataclass(frozen=True)
class Claim:
    """One row of the table and its sentences; ``cells`` are by model, ``section`` is where the numbers come from."""

    aspect: str
    said: str
    measured: str
    cells: dict[str, str]
    state: str
    why: str
    section: str
    sentences: tuple[str, ...]


def section(slug: str, evidence: Evidence | None) -> Section:
    """The table and the paragraph; empty where no place has both models."""
    if evidence is None:
        return Section()
    claims = judge(evidence)
    gist = in_total(claims, evidence.elsewhere)
    rows = [
        {
            "in the article": claim.aspect,
            "it says": claim.said,
            "measured as": claim.measured,
            **{model: claim.cells.get(model, "") for model in (MLP, CNN, CONTROL) if model in evidence.groups},
            "verdict": f"{claim.state}{f': {claim.why}' if claim.why else ''}",
        }
        for claim in claims
    ]
    sources = ["" if claim.state == MISSING else Link(claim.section, anchor(slug, claim.section)) for claim in claims]
    blocks: list[Block] = [
        Heading(3, f"The article's table, measured{_on(evidence.elsewhere)}", anchor(slug, "claims")),
        Table("claims", [{**row, "from": source} for row, source in zip(rows, sources, strict=True)]),
        f"**{escape(gist)}**" + "".join(f" {escape(words)}" for claim in claims for words in claim.sentences),
        "± and brackets are 95 % intervals, over seeds unless it says otherwise."
        + (f" Measured on {escape(evidence.place)}." if evidence.place else ""),
    ]
    return Section(blocks, [{"condition": slug, **row} for row in rows], gist)


def evidence_of(
    comparison: Comparison, pairs: Sequence[Pair], answers: Mapping[str, Sequence[Asked]]
) -> Evidence | None:
    """That of the place with the most runs of the two models, then the newest; None where no place has both."""
    places = {place: {group.model: group for group in comparison.at(place)} for place in comparison.places}
    places = {place: groups for place, groups in places.items() if MLP in groups and CNN in groups}
    if not places:
        return None
    runs = {place: [*groups[MLP].runs, *groups[CNN].runs] for place, groups in places.items()}
    place = max(places, key=lambda name: most_then_newest(runs[name]))
    by_probe = {
        probe: {asked.group.model: asked for asked in found if asked.group.place == place}
        for probe, found in answers.items()
    }
    named = place if len(comparison.places) > 1 else ""
    dataset = comparison.condition.dataset
    elsewhere = "" if dataset == MNIST.name else dataset
    return Evidence(named, places[place], [pair for pair in pairs if pair.place == place], by_probe, elsewhere)


def judge(evidence: Evidence) -> list[Claim]:
    """The four claims, in the article's order."""
    return [_input(evidence), _structure(evidence), _distortion(evidence), _features(evidence)]


def in_total(claims: Sequence[Claim], elsewhere: str = "") -> str:
    """``Of the article's four claims 2 hold, 1 holds in part and 1 was not measured.``

    Args:
        elsewhere: see :class:`Evidence`.
    """
    many = {HOLDS: "hold", IN_PART: "hold in part", UNCLEAR: "cannot be told", FAILS: "do not hold"}
    one = {HOLDS: "holds", IN_PART: "holds in part", UNCLEAR: "cannot be told", FAILS: "does not hold"}
    many[MISSING], one[MISSING] = "were not measured", "was not measured"
    counts = Counter(claim.state for claim in claims)
    parts = [f"{counts[state]} {(one if counts[state] == 1 else many)[state]}" for state in many if counts[state]]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    where = f", which are about MNIST, measured{_on(elsewhere)}:" if elsewhere else ""
    return f"Of the article's four claims{where} {listed}."


def _on(elsewhere: str) -> str:
    return f" on {elsewhere}" if elsewhere else ""


def _input(evidence: Evidence) -> Claim:
    cells = {model: percent_with_interval(group) for model, group in evidence.groups.items()}
    pair = evidence.pair(MLP, CNN)
    winner = pair.winner if pair else None
    state = {CNN: HOLDS, MLP: FAILS, None: UNCLEAR}[winner]
    why = pair.words if pair else "no predictions to compare"
    opening = {
        HOLDS: "Taking the image as an image pays",
        FAILS: "Taking the image as an image does not pay",
        UNCLEAR: "Whether taking the image as an image pays cannot be told",
    }[state]
    sentences = [f"{opening}: {why}."]
    control = evidence.pair(CONTROL, CNN)
    if control:
        parameters = evidence.groups[CONTROL].parameters
        is_it = {CNN: "It is not only more parameters", None: "It may be only more parameters"}
        sentences.append(
            f"{is_it.get(control.winner, 'More parameters do as much')}: {CONTROL}, with {parameters:,} of them where "
            f"the CNN has {evidence.groups[CNN].parameters:,}, reaches {cells[CONTROL]}; {control.words}."
        )
    return Claim(
        "input", "MLP: a vector; CNN: an image", "test accuracy", cells, state, why, "accuracy", tuple(sentences)
    )


def _structure(evidence: Evidence) -> Claim:
    said, measured = "MLP: lost; CNN: kept", "points lost when all pixels change places"
    both = evidence.both("permutation")
    if both is None:
        return Claim("spatial structure", said, measured, {}, MISSING, "", "structure", ())
    losses = {
        model: gap(asked, "ordered", "permuted", retrained=True)
        for model, asked in evidence.answers["permutation"].items()
    }
    mlp, cnn = losses[MLP], losses[CNN]
    if not (mlp.judged and cnn.judged):
        state, why = UNCLEAR, "too few seeds"
    elif cnn.above and mlp.above:
        state, why = IN_PART, "both lose"
    elif cnn.above:
        state, why = HOLDS, "the CNN loses, the MLP does not, as far as can be told"
    elif cnn.below:
        state, why = FAILS, "the CNN gains"
    else:
        state, why = UNCLEAR, "the CNN's loss is within its error"
    left = [f"{100 * asked.numbers['permuted'].mean():.2f} %" for asked in both]
    sentences = [
        f"With all pixels in other places, the same in every image, the CNN loses {cnn.words} points and the MLP "
        f"{mlp.words} ({cnn.basis}); they end at {left[1]} and {left[0]}."
    ]
    cells = {model: loss.words for model, loss in losses.items()}
    return Claim("spatial structure", said, measured, cells, state, why, "structure", tuple(sentences))


def _distortion(evidence: Evidence) -> Claim:
    said = "MLP: weak; CNN: strong"
    both = evidence.both("distortion")
    shared = [seed for seed in both[1].seeds if seed in both[0].seeds] if both else []
    if both is None or not shared:
        return Claim("distortion", said, "mean accuracy under corruptions", {}, MISSING, "", "distortion", ())
    mlp, cnn = both
    answers = evidence.answers["distortion"]
    corruptions = distortion.corruptions_of(cnn)
    means = {model: distortion.mean_over_corruptions(asked, asked.seeds) for model, asked in answers.items()}
    cells = {model: f"{mean_with_half_width(100 * values, 1)} %" for model, values in means.items()}
    leads = {name: cnn.at(name, shared) - mlp.at(name, shared) for name in corruptions}
    lead = _over_seeds(np.mean(list(leads.values()), axis=0))
    lower = sorted((float(its.mean()), name) for name, its in leads.items() if its.mean() <= 0)
    if not lead.judged:
        state, why = UNCLEAR, "too few seeds"
    elif lead.above:
        state, why = (IN_PART, f"on average, not on {len(lower)} of {len(corruptions)}") if lower else (HOLDS, "")
    elif lead.below:
        state, why = FAILS, "the MLP is ahead on average"
    else:
        state, why = UNCLEAR, "the lead on average is within its error"
    why = f"{why}{' ' if why else ''}(lead of {lead.words} points)"
    sentences = [
        f"Over the {len(corruptions)} corruptions the CNN keeps a mean accuracy of {100 * means[CNN].mean():.1f} % and "
        f"the MLP {100 * means[MLP].mean():.1f} %, a lead of {lead.words} points."
    ]
    if lower:
        names = ", ".join(f"{name.replace('_', ' ')} {100 * its:+.1f}" for its, name in lower)
        sentences.append(f"The CNN came out no better on {len(lower)} of them ({names}).")
    judged = distortion.standing(cnn, mlp)
    if judged:
        words = {"ahead": "ahead", "behind": "behind", "cannot tell": "not told apart"}
        told = [f"{words[kind]} on {len(judged.names(kind))}" for kind in distortion.KINDS if judged.names(kind)]
        sentences.append(f"One by one, with {len(shared)} seeds, it is {', '.join(told)}.")
    return Claim(
        "distortion", said, f"mean accuracy under {len(corruptions)} corruptions",
        cells, state, why, "distortion", tuple(sentences),
    )  # fmt: skip


def _features(evidence: Evidence) -> Claim:
    said, measured = "MLP: hand-made; CNN: automatic", "points that training adds to the features"
    both = evidence.both("features")
    if both is None or not all("trained" in asked.numbers for asked in both):
        return Claim("features", said, measured, {}, MISSING, "", "features", ())
    gains = {
        model: gap(asked, "trained", "random")
        for model, asked in evidence.answers["features"].items()
        if "trained" in asked.numbers
    }
    mlp, cnn = gains[MLP], gains[CNN]
    if cnn.above and mlp.above:
        state, why = IN_PART, "the CNN learns its features, and so does the MLP"
    elif cnn.above:
        state, why = HOLDS, "the CNN learns its features, the MLP not as far as can be told"
    elif cnn.below:
        state, why = FAILS, "training makes the CNN's features worse"
    else:
        state, why = UNCLEAR, "the CNN's gain is within its error"
    mlp_at, cnn_at = ([_share(asked, kind) for kind in ("random", "trained")] for asked in both)
    sentences = [
        f"Training adds {cnn.words} points to the CNN's features, from {' to '.join(cnn_at)}, and {mlp.words} to the "
        f"MLP's, from {' to '.join(mlp_at)} ({cnn.basis})."
    ]
    hog = next((asked for asked in evidence.answers["features"].values() if "hog" in asked.numbers), None)
    if hog:
        beaten = [
            name for name, asked in (("CNN", both[1]), ("MLP", both[0])) if _mean(asked, "trained") > _mean(hog, "hog")
        ]
        verdict = f"less than the trained features of the {' and the '.join(beaten)}" if beaten else "more than either"
        sentences.append(f"Features designed by hand (HOG) give {_share(hog, 'hog')}, {verdict}.")
    cells = {model: gain.words for model, gain in gains.items()}
    return Claim("features", said, measured, cells, state, why, "features", tuple(sentences))


def _over_seeds(differences: np.ndarray) -> Gap:
    judged = len(differences) >= 3
    return Gap(
        float(differences.mean()),
        stats.t_interval(list(differences)),
        f"{len(differences)} seeds",
        judged,
        len(differences),
    )


def _mean(asked: Asked, name: str) -> float:
    return float(asked.numbers[name].mean())


def _share(asked: Asked, name: str) -> str:
    return f"{100 * _mean(asked, name):.2f} %"
