"""The report's answer in three sentences: who is best and how sure that is, what it costs, what of the article holds.

Every word follows from the records of one place, the one with the most runs, then the newest.
"""

from collections.abc import Sequence

from bench.analysis.groups import ConditionResults, Group, by_count_and_date
from bench.analysis.pairwise import Pair
from bench.report.elements.formatting import percent_with_interval, seconds
from bench.report.elements.section import Section

NAMED = 4
"""Models that a sentence names at most."""


def sentences(comparison: ConditionResults, pairs: Sequence[Pair], claims: Section) -> list[str]:
    """Two where the claims were not measured, else three; plain text."""
    location = main_place(comparison)
    groups = comparison.at(location)
    where = f"On {location} an" if len(comparison.locations) > 1 else "An"
    found = [_who(groups, [pair for pair in pairs if pair.location == location]), f"{where} {_cost(groups)}."]
    return [*found, claims.gist] if claims.gist else found


def main_place(comparison: ConditionResults) -> str:
    """That with the most runs, then the newest."""
    runs = {
        location: [run for group in comparison.at(location) for run in group.runs] for location in comparison.locations
    }
    return max(runs, key=lambda location: by_count_and_date(runs[location]))


def _who(groups: Sequence[Group], pairs: Sequence[Pair]) -> str:
    best = groups[0]
    against = [pair for pair in pairs if best.model in (pair.first, pair.second)]
    beaten = [pair for pair in against if pair.winner == best.model]
    open_to = [_other(pair, best.model) for pair in against if pair.winner is None]
    accuracy = f"{best.model} gets {percent_with_interval(best)} of the test images right"
    if not against:
        return f"{accuracy}; there is nothing to compare it with."
    if not beaten and all(pair.verdict.kind == "too few seeds" for pair in against):
        return f"{accuracy}, the most of {len(groups)} models, but over too few seeds for a verdict."
    words = _listed([pair.words for pair in beaten], "; ")
    if not open_to:
        return f"{accuracy} and is better than every other model ({words})."
    better = f" and is better than the others ({words})" if beaten else ""
    return f"{accuracy}{better}, but cannot be told apart from {_listed(open_to, ', ')}."


def _listed(words: Sequence[str], between: str) -> str:
    """The first few, and how many more there are."""
    more = [f"{len(words) - NAMED} more"] if len(words) > NAMED else []
    return between.join([*words[:NAMED], *more])


def _other(pair: Pair, model: str) -> str:
    return pair.second if pair.first == model else pair.first


def _cost(groups: Sequence[Group]) -> str:
    best, others = groups[0], groups[1:]
    epoch = best.epoch_spread.median
    words = f"epoch of training takes {best.model} {seconds(epoch)}"
    if not others:
        return words
    times = [f"{seconds(each.epoch_spread.median)} for {each.model}{_ratio(epoch, each)}" for each in others]
    return f"{words}, against {_listed(times, ', ')}"


def _ratio(epoch: float, other: Group) -> str:
    ratio = epoch / other.epoch_spread.median
    return f" ({ratio:.0f} times as long)" if ratio >= 2 else ""
