"""What a check finds: facts, and statements that hold or do not."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """A value by its name; ``holds`` is None for a fact, and ``expected`` says what a statement asks for."""

    name: str
    value: Any
    expected: str = ""
    holds: bool | None = None


@dataclass
class Findings:
    """The findings of one check, in the order in which they were made."""

    all: list[Finding] = field(default_factory=list)

    def fact(self, name: str, value: Any) -> None:
        """Add a value that is neither right nor wrong."""
        self.all.append(Finding(name, value))

    def judge(self, name: str, value: Any, expected: str, holds: bool) -> None:
        """Add a value with what is expected of it, and whether that holds."""
        self.all.append(Finding(name, value, expected, holds))

    def below(self, name: str, value: float, limit: float, unit: str) -> None:
        """Add a measured value that must be below a limit."""
        self.judge(name, round(value, 6), f"below {limit:g} {unit}", value < limit)

    def as_json(self) -> list[dict[str, Any]]:
        """Give the findings as plain values."""
        return [asdict(finding) for finding in self.all]
