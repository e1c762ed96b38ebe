"""Our harness beside the article's own loop: same model, same batch, same threads, in turn within one run.

Each side has a process of its own. Ratios are taken round by round, so that a machine that slows down slows both.
"""

import functools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch

from bench import datasets, stats
from bench.article_loop import ArticleLoop
from bench.atomic import write_atomically
from bench.errors import UserError
from bench.executors import allocator_settings
from bench.pipeline import to_device
from bench.recipes import ARTICLE
from bench.steps import choose_method
from bench.timing import Clocks
from bench.train import batches_of_each_size, seed_streams, train_epoch
from bench.trials import initial_model

ARTICLE_STEPS = 60
ROUNDS = 5


@dataclass(frozen=True)
class SpeedUp:
    """Seconds per training epoch of both, medians over the rounds, and how often ours fits into the article's."""

    model: str
    device: str
    threads: int
    rounds: int
    article_epoch_s: float
    harness_epoch_s: float
    ratio: float
    ratio_min: float
    ratio_max: float


def measure_speed_up(model: str, device: str, threads: int, data_dir: Path) -> SpeedUp:
    """Time both sides ``ROUNDS`` times, in turn, after a warm-up of each."""
    spawn = multiprocessing.get_context("spawn")
    ready = (model, device, threads, data_dir)
    pools = [ProcessPoolExecutor(1, spawn, _get_ready, (build, *ready)) for build in (_article_timer, _harness_timer)]
    article, harness = pools
    with article, harness:
        article.submit(_time_epoch).result()
        with allocator_settings():
            harness.submit(_time_epoch).result()
        rounds = [(article.submit(_time_epoch).result(), harness.submit(_time_epoch).result()) for _ in range(ROUNDS)]
    ratios = [theirs / ours for theirs, ours in rounds]
    return SpeedUp(
        model=model,
        device=device,
        threads=threads,
        rounds=ROUNDS,
        article_epoch_s=stats.spread([theirs for theirs, _ in rounds]).median,
        harness_epoch_s=stats.spread([ours for _, ours in rounds]).median,
        ratio=stats.spread(ratios).median,
        ratio_min=min(ratios),
        ratio_max=max(ratios),
    )


def save_speed_ups(results: Path, rows: Sequence[SpeedUp]) -> Path:
    """Write ``speed/article_loop.csv``.

    Raises:
        UserError: the folder cannot be written.
    """
    path = results / "speed" / "article_loop.csv"
    table = pd.DataFrame([asdict(row) for row in rows])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, table.to_csv(index=False, lineterminator="\n"))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; name another folder with --results") from error
    return path


Timer = Callable[[], float]
_timer: Timer


def _get_ready(
    build: Callable[[str, torch.device, Path], Timer], model: str, device: str, threads: int, data_dir: Path
) -> None:
    global _timer
    torch.set_num_threads(threads)
    _timer = build(model, torch.device(device), data_dir)


def _time_epoch() -> float:
    return _timer()


def _article_timer(model: str, device: torch.device, data_dir: Path) -> Timer:
    """Seconds of an epoch, from a bounded number of steps."""
    loop = ArticleLoop(model, data_dir, device)
    return lambda: loop.seconds(ARTICLE_STEPS) / ARTICLE_STEPS * loop.steps_per_epoch


def _harness_timer(name: str, device: torch.device, data_dir: Path) -> Timer:
    """Seconds of a whole epoch, ordering included."""
    split, _ = datasets.load(datasets.find_dataset("mnist"), data_dir)
    data = to_device(split.images, split.labels, device)
    model = initial_model(name, datasets.find_dataset("mnist").num_classes, seed=0, device=device)
    step = choose_method(model, ARTICLE, batches_of_each_size(data, ARTICLE.batch_size)).step(model.train(), ARTICLE)
    order = torch.Generator().manual_seed(seed_streams(0).order)
    run_epoch = functools.partial(train_epoch, step, ARTICLE.batch_size, data, order)

    def seconds() -> float:
        with Clocks(device).measure("train") as lap:
            run_epoch()
        return lap.seconds

    return seconds
