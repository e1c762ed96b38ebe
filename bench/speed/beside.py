"""Our harness beside the article's own loop: same model, same batch, same threads, in turn within one run.

Each side has a process of its own. Ratios are taken round by round, so that a machine that slows down slows both.
"""

import torch

from bench.pipeline import epoch_order
from bench.recipes import ARTICLE
from bench.speed.apart import Timer, timed_apart
from bench.speed.article_loop import ArticleLoop
from bench.speed.subject import Subject
from bench.timing import Clocks
from bench.train import seed_streams

ARTICLE_STEPS = 60
ROUNDS = 5


def measure_beside(subject: Subject) -> tuple[list[float], list[float]]:
    """Seconds of an epoch of the article's loop and of the harness, ``ROUNDS`` of each in turn, each warmed up."""
    with (
        timed_apart(_article_timer, subject, as_in_training=False) as article,
        timed_apart(harness_timer, subject, as_in_training=True) as ours,
    ):
        article()
        ours()
        rounds = [(article(), ours()) for _ in range(ROUNDS)]
    return [theirs for theirs, _ in rounds], [mine for _, mine in rounds]


def _article_timer(subject: Subject) -> Timer:
    """Seconds of an epoch, from a bounded number of steps; the article's loop knows float32 alone."""
    torch.set_num_threads(subject.threads)
    loop = ArticleLoop(subject.model, subject.data_dir, torch.device(subject.device))
    return lambda: loop.seconds(ARTICLE_STEPS) / ARTICLE_STEPS * loop.steps_per_epoch


def harness_timer(subject: Subject) -> Timer:
    """Seconds of a whole epoch, ordering included."""
    model, data = subject.prepare()
    run_epoch = subject.epochs(model, data, ARTICLE.batch_size)
    generator = torch.Generator().manual_seed(seed_streams(0).order)

    def seconds() -> float:
        with Clocks(torch.device(subject.device)).measure("train") as lap:
            run_epoch(epoch_order(len(data), generator))
        return lap.seconds

    return seconds
