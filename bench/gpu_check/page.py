"""The checks as one page of Markdown; needs nothing but Python's library."""

from collections.abc import Mapping, Sequence
from typing import Any


def write_page(checks: Sequence[Mapping[str, Any]]) -> str:
    """Write what holds and what does not in a table, and then the findings of each check."""
    rows = [
        f"| [{check['check']}](#{check['check']}) | {_verdict(check)} | {check['seconds']:.0f} s |" for check in checks
    ]
    head = ["# GPU check", "", "| check | holds | time |", "|---|---|---:|", *rows]
    return "\n".join([*head, *(line for check in checks for line in _section(check))]) + "\n"


def _verdict(check: Mapping[str, Any]) -> str:
    if check["reason"]:
        return f"no: {_cell(check['reason'])}"
    broken = [finding["name"] for finding in check["findings"] if finding["holds"] is False]
    return f"no: {_cell(', '.join(broken))}" if broken else "yes"


def _section(check: Mapping[str, Any]) -> list[str]:
    lines = ["", f"## {check['check']}", ""]
    if check["findings"]:
        lines += ["| | value | expected | |", "|---|---:|---|---|"]
        words = {True: "holds", False: "**does not hold**", None: ""}
        lines += [
            f"| {_cell(finding['name'])} | {_cell(finding['value'])} | {_cell(finding['expected'])} "
            f"| {words[finding['holds']]} |"
            for finding in check["findings"]
        ]
    if check["output"]:
        fence = "`" * 4
        lines += ["", check["reason"], "", fence, check["output"].strip().replace(fence, "'" * 4), fence]
    return lines


def _cell(value: object) -> str:
    text = f"{value:,.6g}" if isinstance(value, float) else "" if value is None else str(value)
    return " ".join(text.split()).replace("|", "\\|")
