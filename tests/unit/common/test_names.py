import pytest

from bench.common.errors import UserError
from bench.common.names import MOST_SEEDS, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("5", 5),
        ("-3", -3),
        ("5-9", [5, 6, 7, 8, 9]),
        ("7-7", [7]),
        (" 3 , 7 ", [3, 7]),
        ("0-2,1,7-8", [0, 1, 2, 7, 8]),
    ],
)
def test_seeds_are_how_many_or_which(text: str, seeds: object) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "three", "1.5", "9-5", "3-", "-", "3,,4", "1-99999999999", "٣-٤"])
def test_what_names_no_seeds_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match="write how many, as 5, or which, as 5-9 or 3,7"):
        parse_seeds(text)


def test_a_long_range_is_cut_where_it_is_refused_anyway() -> None:
    seeds = parse_seeds("0-2000000000")
    assert isinstance(seeds, list)
    assert len(seeds) == MOST_SEEDS + 1
