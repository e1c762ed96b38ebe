"""Comparison of two sets of records: what got better, what got worse, and which gates fail.

Needs no torch and measures nothing.
"""

from bench.analysis.compare.changes import Change, find_changes
from bench.analysis.compare.gates import Gate, GateResults, apply_gates, parse_gate
from bench.analysis.compare.markdown import to_markdown
from bench.analysis.compare.sources import Side, open_side
from bench.analysis.compare.table import LEGEND, SORTS, arrange, table, to_json

__all__ = [
    "LEGEND",
    "SORTS",
    "Change",
    "Gate",
    "GateResults",
    "Side",
    "apply_gates",
    "arrange",
    "find_changes",
    "open_side",
    "parse_gate",
    "table",
    "to_json",
    "to_markdown",
]
