"""Ways to damage a file, as Hypothesis draws them."""

from typing import Any

from hypothesis import strategies as st

FREE_TEXT = st.text(max_size=30) | st.sampled_from(
    ["<script>alert(1)</script>", "=HYPERLINK(1)", "../../x", "a\nb", "\x1b[31m", "`|`", "]("]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | FREE_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FREE_TEXT, inner, max_size=3),
    max_leaves=8,
)


def cut(good: bytes) -> st.SearchStrategy[bytes]:
    """Only the beginning."""
    return st.integers(0, len(good) - 1).map(lambda end: good[:end])


@st.composite
def overwritten(draw: st.DrawFn, good: bytes, most: int = 20, often_before: int = 0) -> bytes:
    """Up to ``most`` bytes replaced by as many others at most, half of the time among the first ``often_before``."""
    anywhere = st.integers(0, len(good) - 1)
    start = draw(st.integers(0, often_before) | anywhere if often_before else anywhere)
    return good[:start] + draw(st.binary(max_size=most)) + good[start + draw(st.integers(0, most)) :]


def locations(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside, itself included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(location for key, item in inside for location in locations(item, (*path, key)))]
