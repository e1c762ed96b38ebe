"""Reads the README's tree (which module is in which room) and its diagram (which room may import which)."""

import re
from collections.abc import Iterable, Mapping

Arrows = dict[str, set[str]]


def rooms(readme: str) -> dict[str, str]:
    """Room by top-level name below ``bench``, as ``cli`` or ``report``; the package ``models`` is a room itself."""
    tree = readme.partition("\nbench/\n")[2].partition("\nresults/ ")[0]
    found, room = {"models": "models"}, ""
    for line in tree.splitlines():
        if head := re.match(r" {17}(\w+): ", line):
            room = head[1]
        elif entry := re.match(r"  (\w+)(\.py|/) ", line):
            assert entry[1] not in found, f"{entry[1]} is in the tree twice"
            found[entry[1]] = room
    return found


def arrows(readme: str) -> Arrows:
    """What the diagram draws: room -> rooms it may import."""
    drawn: Arrows = {}
    for room, others in re.findall(r"^    (\w+) --> ([\w& ]+)$", readme, re.MULTILINE):
        drawn.setdefault(room, set()).update(others.split(" & "))
    return drawn


def imports_between(modules: Mapping[str, Iterable[str]], room_of: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Each pair of rooms of which one imports the other, with an example."""
    found = {}
    for module, imported in modules.items():
        for other in imported:
            pair = _room(module, room_of), _room(other, room_of)
            if None not in pair and pair[0] != pair[1]:
                found[pair] = f"{module} imports {other}"
    return found  # type: ignore[return-value]


def _room(module: str, room_of: Mapping[str, str]) -> str | None:
    """None of what is not ours, and of ``bench`` itself, which imports nothing until it is asked."""
    package, _, rest = module.partition(".")
    return room_of.get("models" if package == "models" else rest.partition(".")[0] if package == "bench" else "")
