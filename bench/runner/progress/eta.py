"""The estimated time that is left, of everything that a run still has to do: trials, rounds, probes, reports."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.records.schema import Trial

TRIAL_S = 1.5
"""Seconds of a trial beside its epochs, until one has been seen: data, warm-up, checks."""
EVALUATION = 0.3
"""Time of an image in evaluation, as a share of that in training."""

TEST_IMAGES = 10_000
"""Images of a test set, about."""

Kind = tuple[str, str]
"""What is done, and with which model; the latter is empty where it is with none or with all."""


@dataclass(frozen=True)
class Expected:
    """A piece of work: what it takes in training images of its model, and in seconds beside them."""

    kind: Kind
    images: float = 0.0
    seconds: float = 0.0
    count: int = 1


@dataclass
class _Pieces:
    """All work of one kind: its pieces that are left, what one is expected to take, what those done have taken."""

    expected: Expected
    left: int = 0
    taken_s: list[float] = field(default_factory=list)


class Eta:
    """Seconds left: what each kind of work has taken so far, or its estimate while none has been done.

    An estimate goes by the time of a training image, which timing rounds or epochs of the model have shown.
    """

    def __init__(self, at_once: int = 1) -> None:
        """Expect nothing yet; trials and probes run ``at_once`` side by side."""
        self._at_once = at_once
        self._pieces: dict[Kind, _Pieces] = {}
        self._image_s: dict[str, float] = {}

    def expect(self, work: Iterable[Expected]) -> None:
        """Add work that is still to be done."""
        for expected in work:
            self._pieces.setdefault(expected.kind, _Pieces(expected)).left += expected.count

    def expect_trials(self, trials: Iterable[Trial]) -> None:
        """Add the epochs of trials, and what each takes beside them."""
        for trial in trials:
            images = trial.train_size + EVALUATION * TEST_IMAGES
            self.expect(
                [
                    Expected(("epoch", trial.model), images, count=trial.epoch_count),
                    Expected(("trial", trial.model), seconds=TRIAL_S),
                ]
            )

    def done(self, kind: Kind, seconds: float | None = None, count: int = 1) -> None:
        """Take off pieces; ``seconds`` is what one has taken, None where they were not done."""
        pieces = self._pieces.get(kind)
        if pieces is None:
            return
        pieces.left -= count
        if seconds is not None:
            pieces.taken_s.append(seconds)

    def timed(self, model: str, image_s: float) -> None:
        """Learn the seconds that a training image of a model takes."""
        self._image_s[model] = image_s

    @property
    def seconds(self) -> float:
        """Seconds left, without what cannot be estimated yet."""
        return sum(pieces.left * (self._piece_s(pieces) or 0.0) / self._side_by_side(pieces) for pieces in self._open)

    def __str__(self) -> str:
        """``ETA 45 s``, ``ETA 7 min``; ``ETA > 45 s`` while something cannot be estimated."""
        unknown = any(self._piece_s(pieces) is None for pieces in self._open)
        time_left = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.0f} min"
        return f"ETA {'> ' if unknown else ''}{time_left}"

    @property
    def _open(self) -> list[_Pieces]:
        return [pieces for pieces in self._pieces.values() if pieces.left > 0]

    def _piece_s(self, pieces: _Pieces) -> float | None:
        """Estimate the seconds of one piece; None where nothing is known of its model yet."""
        if pieces.taken_s:
            return sum(pieces.taken_s) / len(pieces.taken_s)
        if not pieces.expected.images:
            return pieces.expected.seconds
        image_s = self._image_s_of(pieces.expected.kind[1])
        return None if image_s is None else image_s * pieces.expected.images + pieces.expected.seconds

    def _image_s_of(self, model: str) -> float | None:
        epochs = self._pieces.get(("epoch", model))
        if epochs and epochs.taken_s:
            return sum(epochs.taken_s) / len(epochs.taken_s) / epochs.expected.images
        return self._image_s.get(model)

    def _side_by_side(self, pieces: _Pieces) -> int:
        return self._at_once if pieces.expected.kind[1] else 1
