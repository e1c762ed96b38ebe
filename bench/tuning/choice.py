"""Which recipe of a study is a model's own: by its mean accuracy on the held-out images from other seeds.

The best of many draws looks better than it is. So the best few are trained again, and the seed that they were picked
for has no part in the mean. The images are the same ones, so what is left still flatters; test images tell how much.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, median

from bench.common.errors import UserError
from bench.records.tuning import TunedTrial
from bench.tuning.study import Draw, Study

FINALISTS = 3
"""Draws that are trained again for an arm of best recipes."""
FINAL_SEEDS = (1, 2)
SPRINT_SEEDS = (1, 2, 3, 4)
SPRINTERS = 8
"""Draws that are trained again for a sprint at most: the fastest, and the most accurate, until one reaches the goal."""


@dataclass(frozen=True)
class Choice:
    """The draw chosen for a model.

    Args:
        accuracy: mean over the final seeds; from the only seed where no draw was trained again.
        reached: whether a sprint's goal is reached; None where there is none.
    """

    chosen: TunedTrial
    accuracy: float
    seeds: int
    trials: int
    reached: bool | None = None


def margin(goal: float, images: int) -> float:
    """Standard error of an accuracy on so many images: a goal is to be reached on others, so one must be above it."""
    return math.sqrt(goal * (1 - goal) / images)


def next_finals(study: Study, goals: Mapping[str, float]) -> list[Draw]:
    """List the trials from other seeds that the choice still needs; none where it can be made."""
    goal = goals.get(study.model)
    if goal is None:
        return [draw for record in _best(study)[:FINALISTS] for draw in _missing(study, record, FINAL_SEEDS)]
    for record in _sprinters(study, goal):
        if missing := _missing(study, record, SPRINT_SEEDS):
            return missing
        if _reaches(study, record, goal):
            return []
    return []


def choose(study: Study, goals: Mapping[str, float]) -> Choice:
    """Choose a model's recipe: the most accurate, or the fastest that reaches a goal, or what comes nearest to it.

    Raises:
        UserError: no trial has come to its end.
    """
    goal = goals.get(study.model)
    candidates = _best(study)[:FINALISTS] if goal is None else _sprinters(study, goal)
    if not candidates:
        raise UserError(f"no trial of {study.model} has come to its end: more may, with --random")
    tried = [record for record in candidates if study.final_accuracies(record.number)] or candidates[:1]
    reaching = [] if goal is None else [record for record in tried if _reaches(study, record, goal)]
    chosen = reaching[0] if reaching else max(tried, key=lambda record: _accuracy(study, record))
    return Choice(
        chosen=chosen,
        accuracy=_accuracy(study, chosen),
        seeds=len(study.final_accuracies(chosen.number)) or 1,
        trials=len(study.draws),
        reached=None if goal is None else bool(reaching),
    )


def _accuracy(study: Study, record: TunedTrial) -> float:
    return fmean(study.final_accuracies(record.number) or [record.accuracy or 0.0])


def _reaches(study: Study, record: TunedTrial, goal: float) -> bool:
    """Tell whether a draw has been trained from all seeds, and is above a goal by a margin."""
    above = goal + margin(goal, record.trial.held_out)
    return not _missing(study, record, SPRINT_SEEDS) and _accuracy(study, record) >= above


def _best(study: Study) -> list[TunedTrial]:
    """Sort the finished draws, the most accurate from the first seed first."""
    return sorted(study.finished(), key=lambda record: -(record.accuracy or 0))


def _sprinters(study: Study, goal: float) -> list[TunedTrial]:
    """List the draws that may be chosen for a sprint: those that reached the goal, the fastest first, then the best.

    Only times of one system can be compared: that on which most draws were trained.
    """
    best = _best(study)
    if not best:
        return []
    system = Counter(record.machine.system_id for record in best).most_common(1)[0][0]
    close = [record for record in best if (record.accuracy or 0) >= goal and record.machine.system_id == system]
    fastest = sorted(close, key=lambda record: _train_s(study, record))[: SPRINTERS - 1]
    return [*fastest, *(record for record in best[:1] if record not in fastest)]


def _train_s(study: Study, record: TunedTrial) -> float:
    """Median seconds of training of a draw over its seeds on the system where it was first trained."""
    return median(
        other.train_s
        for other in study.records
        if other.number == record.number and other.machine.system_id == record.machine.system_id and other.accuracy
    )


def _missing(study: Study, record: TunedTrial, seeds: tuple[int, ...]) -> list[Draw]:
    known = study.seeds(record.number)
    trial = record.trial
    return [
        Draw(record.number, "final", trial.model_copy(update={"seed": seed})) for seed in seeds if seed not in known
    ]
