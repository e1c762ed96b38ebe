"""The one exception whose text is meant for the person at the terminal."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend. The text is one line: what is wrong, and what would be right. Exit code 2."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not registered, with the nearest known one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UserError(f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}")
