"""The order of playing, from the signs alone."""

from __future__ import annotations

import pytest

from training.reading.repeats import Jump, Signs, play_order


def ending(*times: int, plays: int = 1) -> Signs:
    return Signs(endings=frozenset(times), plays=plays)


@pytest.mark.parametrize(
    ("count", "signs", "order"),
    [
        (3, {}, "012"),
        (3, {1: Signs(plays=2)}, "01012"),
        (3, {0: Signs(begins_repeat=True, plays=3)}, "00012"),
        (5, {2: Signs(begins_repeat=True), 3: Signs(plays=2)}, "0123234"),
        (5, {1: Signs(plays=2), 3: Signs(plays=2)}, "010123234"),  # no sign begins the second
        (4, {1: ending(1, plays=2), 2: ending(2)}, "01023"),
        (5, {1: ending(1, plays=2), 2: ending(2, plays=2), 3: ending(3)}, "0102034"),
        (4, {1: ending(1, 2, plays=3), 2: ending(3)}, "0101023"),
        (6, {1: ending(1, plays=2), 2: ending(2), 4: Signs(plays=2)}, "010234345"),
        (4, {1: Signs(fine=True), 3: Signs(jump=Jump.DA_CAPO)}, "012301"),
        (4, {0: Signs(plays=2), 1: Signs(fine=True), 3: Signs(jump=Jump.DA_CAPO)}, "0012301"),
        (4, {1: ending(1, plays=2), 2: ending(2), 3: Signs(jump=Jump.DA_CAPO)}, "01023023"),
        (
            6,
            {
                1: Signs(segno=True),
                2: Signs(coda=True),
                4: Signs(jump=Jump.DAL_SEGNO),
                5: Signs(coda=True),
            },
            "01234125",
        ),
        (3, {1: Signs(begins_repeat=True)}, "012"),  # a repeat that never ends
        (3, {1: ending(2)}, "012"),  # an ending that no repeat leads to
        (3, {0: Signs(plays=100_000)}, "012"),
        (0, {}, ""),
    ],
)
def test_measures_are_played_in_the_order_of_the_signs(count, signs, order):
    assert "".join(map(str, play_order([signs.get(i, Signs()) for i in range(count)]))) == order
