"""Which recipe of a study is a model's own: by the mean accuracy on the held-out images over some seeds.

The best of many draws looks better than it is, so the best few are trained again from other seeds before one is chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.common.errors import UserError
from bench.records.tuning import TunedTrial
from bench.tuning.study import Draw, Study

FINALISTS = 3
"""Draws that are trained again for an arm of best recipes; for a sprint more, until one reaches the goal."""
FINAL_SEEDS = (1, 2)
SPRINT_SEEDS = (1, 2, 3, 4)
SPRINTERS = 8
"""Draws that are trained again for a sprint at most."""
MARGIN = 0.001
"""By which a sprint's recipe must be above its goal on the held-out images: the error of a mean over 5,000 of them at
99 % is 0.0014, and the goal is to be reached on others."""
CLOSE = 0.001
"""By which one seed of a draw may be below that and still be tried again."""


@dataclass(frozen=True)
class Choice:
    """The draw chosen for a model.

    Args:
        accuracy: mean over the seeds.
        reached: whether a sprint's goal is reached; None where there is none.
    """

    chosen: TunedTrial
    accuracy: float
    seeds: int
    trials: int
    reached: bool | None = None


def next_finals(study: Study, goals: Mapping[str, float]) -> list[Draw]:
    """List the trials from other seeds that the choice still needs; none where it can be made."""
    goal = goals.get(study.model)
    if goal is None:
        return [draw for record in _best(study)[:FINALISTS] for draw in _missing(study, record, FINAL_SEEDS)]
    for record in _sprinters(study, goal):
        if missing := _missing(study, record, SPRINT_SEEDS):
            return missing
        if study.mean_accuracy(record.number) >= goal + MARGIN:
            return []
    return []


def choose(study: Study, goals: Mapping[str, float]) -> Choice:
    """Choose a model's recipe: the most accurate, or the fastest that reaches a goal, or what comes nearest to it.

    Raises:
        UserError: no trial has come to its end.
    """
    finished = study.finished()
    if not finished:
        raise UserError(f"no trial of {study.model} has come to its end: more may, with --random")
    goal = goals.get(study.model)
    tried = [record for record in finished if len(study.accuracies(record.number)) > 1] or finished
    reaching = []
    if goal is not None:
        tried = [record for record in _sprinters(study, goal) if record in tried] or tried
        reaching = [record for record in tried if study.mean_accuracy(record.number) >= goal + MARGIN]
    chosen = reaching[0] if reaching else max(tried, key=lambda record: study.mean_accuracy(record.number))
    return Choice(
        chosen=chosen,
        accuracy=study.mean_accuracy(chosen.number),
        seeds=len(study.accuracies(chosen.number)),
        trials=len(study.draws),
        reached=None if goal is None else bool(reaching),
    )


def _best(study: Study) -> list[TunedTrial]:
    """Sort the finished draws, the most accurate from the first seed first."""
    return sorted(study.finished(), key=lambda record: -(record.accuracy or 0))


def _sprinters(study: Study, goal: float) -> list[TunedTrial]:
    """Sort the draws that have come close to a goal, the fastest first; where none has, the most accurate."""
    close = [record for record in study.finished() if (record.accuracy or 0) >= goal + MARGIN - CLOSE]
    return sorted(close, key=lambda record: record.train_s)[:SPRINTERS] or _best(study)[:1]


def _missing(study: Study, record: TunedTrial, seeds: tuple[int, ...]) -> list[Draw]:
    known = study.seeds(record.number)
    trial = record.trial
    return [
        Draw(record.number, "final", trial.model_copy(update={"seed": seed})) for seed in seeds if seed not in known
    ]
