"""Hand-written trials of tuning studies."""

from typing import Any

from bench.records.schema import Git
from bench.records.tuning import Role, TunedTrial
from bench.tuning.study import Draw, Study
from tests.support.factories import DATA, MACHINE, START, make_trial


def make_draw(number: int, role: Role, epochs: float = 2) -> Draw:
    return Draw(number, role, make_trial(suite="tune", recipe="best", arm="best", epochs=epochs, held_out=5000))


def make_tuned(draw: Draw, **changes: Any) -> TunedTrial:
    plain = {
        "started_at": START,
        "machine": MACHINE,
        "study": "0" * 16,
        "space": "best",
        "number": draw.number,
        "role": draw.role,
        "key": "0" * 16,
        "status": "done",
        "trial": draw.trial,
        "epochs": [],
        "accuracy": 0.9,
        "seconds": 1.0,
        "environment": {},
        "git": Git(commit=None, dirty=None),
        "data": DATA,
    }
    return TunedTrial.model_validate(plain | changes)


def make_study(draws: list[Draw], records: list[TunedTrial] | None = None) -> Study:
    return Study("0" * 16, "cnn", "best", "mnist", draws, records or [])
