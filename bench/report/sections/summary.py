"""The report's answer in three sentences: the most accurate model, its cost, and the article's claims.

Every word follows from the records of one location, that with the most runs, then the newest.
"""

from collections.abc import Sequence

from bench.analysis.groups import FLAG_MARK, ConditionResults, Group, by_count_and_date
from bench.analysis.pairwise import Pair
from bench.analysis.speed import SpeedPair, times_text
from bench.report.elements.formatting import percent_with_interval, seconds
from bench.report.elements.section import Section

MAX_MODELS_NAMED = 4
"""Number of models that a sentence names, at most."""
MARK_SENTENCE = f"{FLAG_MARK} marks a model whose numbers need care; the reason stands below the table of accuracies."


def answer_sentences(comparison: ConditionResults, pairs: Sequence[Pair], claims: Section) -> list[str]:
    """Write three sentences of plain text: two where the claims were not measured, one more on flagged models."""
    location = main_location(comparison)
    groups = comparison.at(location)
    where = f"On {location} an" if len(comparison.locations) > 1 else "An"
    parts = [
        _accuracy_sentence(groups, [pair for pair in pairs if pair.location == location]),
        f"{where} {_cost_clause(groups, comparison.speed_pairs)}.",
    ]
    flagged = [MARK_SENTENCE] if any(group.model_flags for group in groups) else []
    return [*parts, *filter(None, [claims.summary]), *flagged]


def main_location(comparison: ConditionResults) -> str:
    """Return the location with the most runs, then the newest."""
    runs = {
        location: [run for group in comparison.at(location) for run in group.runs] for location in comparison.locations
    }
    return max(runs, key=lambda location: by_count_and_date(runs[location]))


def _accuracy_sentence(groups: Sequence[Group], pairs: Sequence[Pair]) -> str:
    best = groups[0]
    best_pairs = [pair for pair in pairs if best.model in (pair.first, pair.second)]
    beaten = [pair for pair in best_pairs if pair.winner == best.model]
    undecided = [_opponent(pair, best.model) for pair in best_pairs if pair.winner is None]
    accuracy = f"{best.name} gets {percent_with_interval(best)} of the test images right"
    if not best_pairs:
        return f"{accuracy}; there is nothing to compare it with."
    if not beaten and all(pair.verdict.kind == "too few seeds" for pair in best_pairs):
        return f"{accuracy}, the most of {len(groups)} models, but over too few seeds for a verdict."
    words = _join_first([pair.words for pair in beaten], "; ")
    if not undecided:
        return f"{accuracy} and is better than every other model ({words})."
    better = f" and is better than the others ({words})" if beaten else ""
    return f"{accuracy}{better}, but cannot be told apart from {_join_first(undecided, ', ')}."


def _join_first(words: Sequence[str], between: str) -> str:
    """Join the first few and say how many more there are."""
    more = [f"{len(words) - MAX_MODELS_NAMED} more"] if len(words) > MAX_MODELS_NAMED else []
    return between.join([*words[:MAX_MODELS_NAMED], *more])


def _opponent(pair: Pair, model: str) -> str:
    return pair.name(pair.second if pair.first == model else pair.first)


def _cost_clause(groups: Sequence[Group], speeds: Sequence[SpeedPair]) -> str:
    best, others = groups[0], groups[1:]
    words = f"epoch of training takes {best.name} {seconds(best.epoch_s)}"
    if not others:
        return words
    times = [f"{seconds(other.epoch_s)} for {other.name}{_ratio_text(best, other, speeds)}" for other in others]
    return f"{words}, against {_join_first(times, ', ')}"


def _ratio_text(best: Group, other: Group, speeds: Sequence[SpeedPair]) -> str:
    """Format how many times as long the first takes, with its interval where both were timed in turn."""
    ratios = {(pair.first, pair.second): pair.ratio for pair in speeds if pair.location == best.location}
    ratios |= {(second, first): ratio.inverse for (first, second), ratio in ratios.items()}
    ratio = ratios.get((best.model, other.model))
    if ratio and ratio.is_told:
        return f" ({times_text(ratio, 'as long')})"
    times = best.epoch_s / other.epoch_s
    return f" ({times:.0f} times as long)" if times >= 2 else ""
