"""Test images by how many models get them right, and the errors that models share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hardness:
    """How hard each of N test images is.

    Args:
        right: share of right answers, float ``(N,)``: the mean over models of the share of a model's runs.
        never_right: the images that no run gets right, int64 ``(k,)``, ascending.
        wrong_answer: the wrong answer given most often, int64 ``(N,)``; -1 where there is none.
        wrong_count: how many runs give it, int64 ``(N,)``.
        runs: number of runs of all models.
    """

    right: np.ndarray
    never_right: np.ndarray
    wrong_answer: np.ndarray
    wrong_count: np.ndarray
    runs: int

    def hardest(self, count: int) -> np.ndarray:
        """List the images with the smallest share of right answers, hardest first, none that every run gets right.

        Of images with the same share, those come first whose wrong answer is given more often.
        """
        order = np.lexsort((np.arange(len(self.right)), -self.wrong_count, self.right))
        return order[self.right[order] < 1][:count]


def measure_hardness(labels: np.ndarray, answers_by_model: Sequence[np.ndarray]) -> Hardness:
    """Measure how hard images are, each model counting as much as any other.

    Args:
        labels: uint8 ``(N,)``.
        answers_by_model: for each model the answers of its runs, uint8 ``(runs, N)`` with at least one run.
    """
    images = np.arange(len(labels))
    classes = 1 + max(int(labels.max()), *(int(answers.max()) for answers in answers_by_model))
    counts = np.zeros((len(labels), classes), dtype=np.int64)
    for answers in answers_by_model:
        for answer in answers:
            counts[images, answer] += 1
    right_by_model = [(answers == labels).mean(axis=0) for answers in answers_by_model]
    never = np.flatnonzero(counts[images, labels] == 0)
    counts[images, labels] = 0
    wrong_count = counts.max(axis=1)
    return Hardness(
        right=np.mean(right_by_model, axis=0),
        never_right=never,
        wrong_answer=np.where(wrong_count > 0, counts.argmax(axis=1), -1),
        wrong_count=wrong_count,
        runs=sum(len(answers) for answers in answers_by_model),
    )


def shared_errors(wrong: np.ndarray, others_wrong: np.ndarray) -> float | None:
    """Share of a model's errors that another model makes too, over all errors of all seeds; None without an error.

    Args:
        wrong: where the model is wrong, bool ``(seeds, N)``.
        others_wrong: the same of the other model and the same seeds.
    """
    total = int(wrong.sum())
    return int((wrong & others_wrong).sum()) / total if total else None
