"""The comparison as a comment on a pull request, in GitHub's Markdown: what changed in sight, the rest folded."""

import re
from collections import Counter
from collections.abc import Sequence

from bench.analysis.compare.changes import INCOMPARABLE, MEANINGS, SAME, Change
from bench.analysis.compare.gates import Gate, GateResults
from bench.analysis.compare.table import rows_of
from bench.common.errors import one_line

LIMIT = 60_000
"""Characters. GitHub takes 65,536; the rest is for the headings here, and for what others add."""
NOTE_LIMIT = 300
FOLDED = (INCOMPARABLE, SAME)
HEAD = "| Change | Before | After | Difference | p | Benchmark | Note |\n|:-:|--:|--:|--:|--:|:--|:--|\n"


def to_markdown(
    base: str, new: str, changes: Sequence[Change], shown: Sequence[Change], gates: Sequence[Gate], results: GateResults
) -> str:
    """Render a one-line summary of all ``changes``, the broken gates and warnings, and tables of those ``shown``.

    What is too long for a comment is cut, and the number of lines that are missing is said.
    """
    parts = [summary(changes, gates, results), f"BASE {code(base)}, NEW {code(new)}"]
    space = LIMIT - sum(map(len, parts))
    said = [("broken", line) for line in results.regressions] + [("warning", line) for line in results.warnings]
    if said:
        parts.append(_fitted([f"- {kind}: {code(_cut(line))}" for kind, line in said], space // 2))
    rows = [(change.mark, _line(row)) for change, row in zip(shown, rows_of(shown), strict=True)]
    in_sight = [line for mark, line in rows if mark not in FOLDED]
    if in_sight:
        parts.append(_table(in_sight, space - sum(map(len, parts))))
    for mark in FOLDED:
        if lines := [line for own, line in rows if own == mark]:
            title = f"<details><summary>{len(lines):,} {MEANINGS[mark]}</summary>"
            parts += [title, _table(lines, space - sum(map(len, parts))), "</details>"]
    if shown:
        parts.append(", ".join(f"{code(mark)} {meaning}" for mark, meaning in MEANINGS.items() if mark))
    return "\n\n".join(parts)


def summary(changes: Sequence[Change], gates: Sequence[Gate], results: GateResults) -> str:
    """Count the changes by mark, and the broken gates: ``**2 worse, 1 better, 5 unchanged**; gates: 1 broken``."""
    counts = Counter(change.mark for change in changes)
    words = ", ".join(f"{counts[mark]:,} {meaning}" for mark, meaning in MEANINGS.items() if counts[mark])
    broken = f"{len(results.regressions):,} broken" if results.regressions else "none broken"
    judged = f"nothing to judge, {code(_cut(results.idle))}" if results.idle else broken
    return f"**{words}**{f'; gates: {judged}' if gates else ''}"


def code(text: str) -> str:
    """Format untrusted text as code, in which there are no links, no mentions and no formulas; empty stays empty."""
    line = one_line(text)
    if not set(line) & set("`|\\"):
        return f"`{line}`" if line else ""
    # A code span knows no escapes, and a table's cell ends at a bar within one.
    escaped = re.sub(r"[^\w ]|_", lambda match: f"&#{ord(match[0])};", line)
    return f"<code>{escaped}</code>"


def _line(row: dict[str, str]) -> str:
    cells = row | {"Benchmark": code(row["Benchmark"]), "Note": code(_cut(row["Note"]))}
    return f"| {' | '.join(cells.values())} |"


def _cut(text: str) -> str:
    return text if len(text) <= NOTE_LIMIT else f"{text[:NOTE_LIMIT]}…"


def _table(lines: Sequence[str], space: int) -> str:
    return HEAD + _fitted(lines, space - len(HEAD))


def _fitted(lines: Sequence[str], space: int) -> str:
    """Join as many lines as fit into ``space`` characters, and say how many are left out."""
    kept = []
    for line in lines:
        space -= len(line) + 1
        if space < 0:
            break
        kept.append(line)
    left_out = len(lines) - len(kept)
    return "\n".join([*kept, *(["", f"{left_out:,} more, too long for a comment"] if left_out else [])])
