"""Sizes as people read them."""

import pytest

from edge.core.sizes import said_bytes


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (4_200_000, "4.2 MB"),
        (99_960, "100 kB"),
        (999_600, "1.0 MB"),
        (57_700_000_000, "57.7 GB"),
        (812 * 10**9, "812 GB"),
        (2**63, "9.2 EB"),
        (10**22, "10000 EB"),
        (-4_200_000, "-4.2 MB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_people_say(size: int, said: str) -> None:
    assert said_bytes(size) == said
