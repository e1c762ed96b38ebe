"""The suite from Python, for notebooks and scripts: ``import bench``, then ``run``, ``load`` and ``show``."""

import html
import operator
import signal
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.common.errors import UserError
from bench.common.names import split_models, split_names
from bench.runner.progress.summary import report_failures, report_interruption, report_problems
from bench.runner.suites import DEFAULT_SUITE

if TYPE_CHECKING:
    from bench.records.schema import Run, Trial
    from bench.records.storage import Problem
    from bench.report import Rendered

RESULTS = "results"
IFRAME_HEIGHT = 800
"""Height in pixels of the report in a notebook; it scrolls inside."""


def run(
    *,
    models: Any = (),
    suite: str = DEFAULT_SUITE,
    recipe: str | Path | None = None,
    seeds: int | Sequence[int] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    dataset: str = "mnist",
    device: str = "auto",
    precision: str | None = None,
    probes: Sequence[str] | str | None = None,
    timing_rounds: int | None = None,
    results: str | Path = RESULTS,
    data_dir: str | Path | None = None,
    timeout: float | None = None,
    force: bool = False,
    executor: str = "local",
    ray_address: str | None = None,
) -> pd.DataFrame:
    """Train the models of a suite, write a record of each run, render the report: ``python -m bench run`` as a call.

    What is already done is not trained again, and is in the result all the same. Failed trials do not stop the
    others; each is a row with its ``error``, and a line on standard error.

    Args:
        models: names or files (``"./my_net.py"``, ``"./my_net.py:my_net"``), as a list or separated by commas; in a
            list also classes and functions that make a model, of a module, a script or a notebook's cell. None: every
            model of the folder ``models``.
        suite: ``quick`` (20,000 training images, 2 epochs, 1 seed), ``article`` or ``full``.
        recipe: how to train, by the name of a recipe or of a set with one for each model, or by the path of a TOML
            file; None: the suite's.
        seeds: how many seeds, counted from 0, or a list or range of those to train; None: the suite's.
        epochs: passes over the training images; None: the recipe's, or the suite's.
        batch_size: images per training step; None: the recipe's.
        dataset: ``mnist``, ``fashion-mnist`` (downloaded where this machine does not have it) or another in
            :data:`bench.data.registry.DATASETS`.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``tf32`` or ``bf16``; None: the recipe's.
        probes: probes to run on the trained models, by name; None: the suite's; ``"none"`` or ``[]``: no probe.
        timing_rounds: in how many rounds the models are timed in turn, 0 for none; None: the suite's.
        results: the folder of records and report; made where there is none.
        data_dir: the cache of the data; None: ``MNIST_BENCH_DATA``, or a folder of the user's.
        timeout: seconds after which a trial is given up; None: never.
        force: train again what is already done.
        executor: ``local``, or ``ray``: on the nodes of a cluster.
        ray_address: ``auto`` or ``HOST:PORT``; None: ``RAY_ADDRESS``, or a cluster of this machine alone. Where Ray is
            already initialised in this process, its cluster is used and left open.

    Returns:
        One row per requested trial, seed by seed, with the columns of :func:`load`.

    Raises:
        UserError: a name is unknown, a number is out of range, the device is not there, a folder is not writable, or
            the cluster cannot be used.
        KeyboardInterrupt: after the running trial's record has been written and the report rendered.
    """
    from bench.report import render
    from bench.runner.plan import Request, make_plan
    from bench.runner.session import run_plan
    from bench.runner.signals import Interrupted
    from bench.runner.workers.processes import end_forkserver

    folder = Path(results)
    request = Request(
        suite=suite,
        recipe=None if recipe is None else str(recipe),
        models=_models(models),
        seeds=_seeds(seeds),
        epochs=_whole("epochs", epochs),
        batch_size=_whole("batch_size", batch_size),
        dataset=dataset,
        device=device,
        precision=precision,
        probes=_probes(probes),
        timing_rounds=_whole("timing_rounds", timing_rounds),
        results=folder,
        data_dir=None if data_dir is None else Path(data_dir),
        timeout_s=timeout,
        force=force,
        executor=executor,
        ray_address=ray_address,
    )
    try:
        plan = make_plan(request)
        summary = run_plan(plan, between_rounds=lambda: render(folder))
    except Interrupted as interruption:
        report_interruption(interruption, render(folder).page)
        if interruption.number != signal.SIGINT:
            signal.raise_signal(interruption.number)  # ends the process, as it would have without us
        raise KeyboardInterrupt from None
    finally:
        end_forkserver()
    report_problems(render(folder).problems)
    report_failures(summary, folder)
    return _frame(_in_order([*summary.done, *summary.failed, *summary.skipped], plan.trials))


def _in_order(runs: "Sequence[Run]", trials: "Sequence[Trial]") -> "list[Run]":
    """Sort runs as their trials were planned; what was done before may be of another suite."""
    order = {(trial.model, trial.seed): position for position, trial in enumerate(trials)}
    return sorted(runs, key=lambda run: order[run.trial.model, run.trial.seed])


def load(results: str | Path = RESULTS) -> pd.DataFrame:
    """Load every record in the folder, one row each, failed ones too, oldest first.

    A file that is no record is left out, with a warning that names it. Numbers that a failed run does not have are
    missing (NaN). The columns, with their units:

    ======================  ========  ====================================================================
    ``record``              str       the record's file name, without its ending
    ``status``              str       ``done``, ``diverged``, ``error``, ``timeout`` or ``interrupted``
    ``error``               str       why it is not ``done``, in one line
    ``system``              str       where it ran: the kind of hardware, and the device
    ``machine``             str       which machine of that kind
    ``suite``               str       ``quick``, ``article`` or ``full``
    ``model``               str       the model's name
    ``recipe``              str       how it was trained, by name
    ``arm``                 str       the arm, where each model has a recipe of its own; else None
    ``dataset``             str       what it was trained on, by name
    ``seed``                int       of the weights' start and the order of the images
    ``epochs``              float     passes over the training images, the last perhaps a part
    ``batch_size``          int       images per training step
    ``optimizer``           str       by name
    ``learning_rate``       float     as the optimizer takes it
    ``precision``           str       ``fp32``, ``tf32`` or ``bf16``
    ``threads``             int       CPU threads
    ``train_size``          int       training images
    ``pixel_order``         str       ``identity``, ``permuted-K`` or ``blocks-N``
    ``recipe_details``      str       the recipe's other settings in words, as far as they are not the article's
    ``test_accuracy``       float     share of the test images that were right after the last epoch, 0 to 1
    ``test_loss``           float     mean cross-entropy over the test images, nats per image
    ``test_size``           float     test images
    ``train_images_per_s``  float     training images per second, over all epochs
    ``startup_s``           float     seconds to start the process and import; 0 in a worker already warm
    ``setup_s``             float     seconds to bring the data and the model to the device
    ``warmup_s``            float     seconds of steps taken before the clock of training starts
    ``train_s``             float     seconds of training, all epochs together
    ``eval_s``              float     seconds of evaluation, all epochs together
    ``total_s``             float     seconds from the first of these to the last
    ``commit``              str       of the code that ran; None outside a checkout
    ``flags``               str       what to know before trusting the times: ``dirty``, ``shared``, ``throttled``
    ``model_flags``         str       what to know before trusting the rest: ``no_logits``, ``answers_differ``, …
    ``started_at``          datetime  UTC
    ======================  ========  ====================================================================

    Raises:
        UserError: there is no such folder.
    """
    from bench.records.storage import load_runs

    runs, problems = load_runs(_existing_folder(results))
    _warn(problems)
    return _frame(runs)


def show(results: str | Path = RESULTS, *, system: str | None = None) -> "Report":
    """Render the report from the records in the folder, as ``python -m bench report`` does, and show it.

    As the last line of a notebook's cell it appears below it; printed, it is the tables that the command prints.

    Args:
        system: what the report is about, as tables call it; None: the system with the most finished runs.

    Raises:
        UserError: there is no such folder, it cannot be written, or no run is of that system.
    """
    from bench.report import render

    rendered = render(_existing_folder(results), system)
    _warn(rendered.problems)
    return Report(rendered)


@dataclass(frozen=True, repr=False)
class Report:
    """A rendered report: the page to a notebook, text to a terminal."""

    rendered: "Rendered"

    def __repr__(self) -> str:
        return self.rendered.terminal_text()

    def _repr_html_(self) -> str:
        """The self-contained page in a frame of its own, so that its styles and the notebook's stay apart."""
        page = self.rendered.html.read_text(encoding="utf-8")
        # without its own base, a link within the page would be one within the notebook, opened in the frame
        document = html.escape(page.replace("<head>", '<head><base href="about:srcdoc">', 1))
        return f'<iframe title="Report" srcdoc="{document}" width="100%" height="{IFRAME_HEIGHT}"></iframe>'


def _frame(runs: "Sequence[Run]") -> pd.DataFrame:
    from bench.report.pages.csv_tables import runs_table

    frame = runs_table(runs)
    return frame.assign(started_at=pd.to_datetime(frame["started_at"], utc=True))


def _models(models: Any) -> list[Any]:
    """List the models that were given: a text, a list, or a single file, class or function."""
    if isinstance(models, str):
        return split_models(models)
    return [models] if callable(models) or isinstance(models, Path) else list(models)


def _names(names: Sequence[str] | str) -> list[str]:
    return split_names(names) if isinstance(names, str) else list(names)


def _probes(names: Sequence[str] | str | None) -> list[str] | None:
    """Read probes as the command does: an empty string leaves the choice to the suite, an empty list is no probe."""
    if names is None or names == "":
        return None
    return [] if names == "none" else _names(names)


def _whole(name: str, value: int | None) -> int | None:
    """Check that an argument is a whole number or None.

    Raises:
        UserError: it is neither.
    """
    if value is None:
        return None
    try:
        return operator.index(value)
    except TypeError:
        raise UserError(f"{name} is {value!r}: it must be a whole number") from None


def _seeds(seeds: int | Sequence[int] | None) -> int | list[int] | None:
    """Check that seeds are a whole number, several in a list or range, or None."""
    if not isinstance(seeds, list | tuple | range):
        return _whole("seeds", seeds)  # type: ignore[arg-type]
    return [seed for value in seeds if (seed := _whole("seeds", value)) is not None]


def _existing_folder(results: str | Path) -> Path:
    folder = Path(results)
    if not folder.is_dir():
        raise UserError(f"no results folder {folder}: bench.run(results={str(folder)!r}) makes one")
    return folder


def _warn(problems: "Iterable[Problem]") -> None:
    for problem in problems:
        warnings.warn(f"skipped {problem}", stacklevel=3)
