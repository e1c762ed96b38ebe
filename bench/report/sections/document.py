"""The whole report as blocks, the same for every page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.analysis.condition import Condition
from bench.analysis.groups import ConditionResults, location_of, marked_name, run_flags
from bench.analysis.metrics import METRICS
from bench.analysis.noise_floor import Floors, floors_of
from bench.analysis.pairwise import Pair
from bench.records.schema import Run
from bench.report.elements.blocks import Block, Heading, Table
from bench.report.elements.formatting import escape, model_flag_notes, three_digits, unsteady_notes
from bench.report.elements.section import Section, Sections
from bench.report.sections.accuracy import headline
from bench.report.sections.arms import Arms
from bench.report.sections.conditions import left_out
from bench.report.sections.summary import answer_sentences

MAX_RUNS_LISTED = 300
"""Number of runs listed on the page, at most: the latest. The CSV has all."""
NOISE_NOTE = (
    "The largest difference between any two repeats of the same trial by the same code, each in a process of its own "
    "(`make noise`). A difference below it says nothing, and `python -m bench compare` refuses a tighter gate."
)


@dataclass(frozen=True)
class Document:
    """The content of a report; ``general_sections`` belong to no condition.

    ``comparisons`` are those of the system that the report is about, ``others`` those of all other systems.
    """

    comparisons: Sequence[ConditionResults]
    others: Sequence[ConditionResults]
    pairs: Mapping[Condition, Sequence[Pair]]
    sections: Mapping[Condition, Sections]
    general_sections: Sequence[Section]
    floors: Floors
    runs: Sequence[Run]
    arms: Arms = ()

    @property
    def answer(self) -> list[str]:
        """Answer about the first condition: two or three sentences of plain text; empty without a finished run."""
        if not self.comparisons:
            return []
        first = self.comparisons[0]
        return answer_sentences(first, self.pairs[first.condition], self.sections[first.condition]["claims"])

    @cached_property
    def blocks(self) -> list[Block]:
        """All blocks after the title."""
        blocks: list[Block] = []
        if not self.comparisons:
            blocks.append("No finished run yet: `make bench` trains the models and fills this page.")
        for comparison in self.comparisons:
            blocks += [Heading(2, comparison.condition.title, comparison.condition.slug), *headline_blocks(comparison)]
            blocks += [block for section in self.sections[comparison.condition].values() for block in section.blocks]
        blocks += [block for section in self.general_sections for block in section.blocks]
        if self.floors:
            blocks += [Heading(2, "Noise floor", "noise"), Table("noise", noise_rows(self.floors)), NOISE_NOTE]
        failed = unfinished(self.runs)
        if failed:
            blocks += [Heading(2, "Runs that did not finish", "unfinished"), Table("unfinished", _failure_rows(failed))]
        return blocks

    @property
    def problems(self) -> list[str]:
        """Reasons of missing sections, a line for each."""
        condition_sections = [section for sections in self.sections.values() for section in sections.values()]
        return [section.problem for section in (*condition_sections, *self.general_sections) if section.problem]

    def every_run(self) -> list[Block]:
        """Build the table of single runs, the latest first."""
        if not self.runs:
            return []
        latest = sorted(self.runs, key=lambda run: run.started_at, reverse=True)[:MAX_RUNS_LISTED]
        blocks: list[Block] = [Heading(2, "Every run", "runs"), Table("runs", [_run_row(run) for run in latest])]
        if len(latest) < len(self.runs):
            blocks.append(f"The latest {MAX_RUNS_LISTED:,} of {len(self.runs):,}; `tables/runs.csv` has all.")
        return blocks


def headline_blocks(comparison: ConditionResults) -> list[Block]:
    """Build the table of accuracy and cost, and below it what its marks and words mean."""
    notes = [*model_flag_notes(comparison.groups), *unsteady_notes(comparison.groups)]
    return [headline(comparison), *map(escape, notes)]


def noise_rows(floors: Floors) -> list[dict[str, str]]:
    """Format the noise floors, a row per subject; the dataset is named where there are several."""
    subjects = sorted({subject for subject, _ in floors})
    several = len({subject.dataset for subject in subjects}) > 1
    return [
        {
            "model": subject.model,
            **({"dataset": subject.dataset} if several else {}),
            "system": subject.location,
            "repeats": str(max(floor.repeats for floor in floors_of(subject, floors).values())),
            **{name: METRICS[name].amount(floor.change) for name, floor in floors_of(subject, floors).items()},
        }
        for subject in subjects
    ]


def unfinished(runs: Sequence[Run]) -> list[Run]:
    """List the latest run of each trial that has never finished on its machine."""
    done = {(run.machine.system_id, run.trial_id) for run in runs if run.status == "done"}
    latest = {(run.machine.system_id, run.trial_id): run for run in runs}
    return [run for key, run in latest.items() if key not in done]


def _failure_rows(failed: Sequence[Run]) -> list[dict[str, str]]:
    return [
        {
            "model": run.trial.model,
            "system": location_of(run),
            "seed": str(run.trial.seed),
            "status": run.status,
            "epochs done": f"{len(run.epochs)} of {run.trial.epoch_count}",
            "reason": run.error or "",
        }
        for run in failed
    ]


def _run_row(run: Run) -> dict[str, str]:
    trial, result, clock = run.trial, run.result, run.clock
    return {
        "model": marked_name(trial.model, [run]),
        "system": location_of(run),
        "seed": str(trial.seed),
        "status": run.status,
        "test accuracy, %": f"{100 * result.test_accuracy:.2f}" if result else "",
        "test loss": f"{result.test_loss:.4f}" if result else "",
        "images/s": f"{result.train_images_per_s:,.0f}" if result else "",
        "training, s": three_digits(clock.train_s) if clock else "",
        "trial, s": three_digits(clock.total_s) if clock else "",
        "epochs": f"{len(run.epochs)}",
        "images": f"{trial.train_size:,}",
        "precision": trial.precision,
        "steps": run.execution.mode.replace("_", " ") if run.execution else "",
        "flags": ", ".join([*run_flags(run), *(flag.name.replace("_", " ") for flag in run.flags)]),
        "commit": (run.git.commit or "unknown")[:12],
        "started": f"{run.started_at:%Y-%m-%d %H:%M}",
        **({"left out": "; ".join(f"{part}: {reason}" for part, reason in left_out(run))} if left_out(run) else {}),
    }
