"""In which order the measures of a score are played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

MAX_EXPANSION: Final = 8
"""A piece is played as written if its repeats would make it longer than this many times."""


class Jump(Enum):
    """Where a written instruction leads."""

    DA_CAPO = "to the beginning"
    DAL_SEGNO = "to the sign"


@dataclass(frozen=True)
class Signs:
    """The signs in one measure that change the order of playing."""

    begins_repeat: bool = False
    plays: int = 1
    """How often the section that ends with this measure is played; 1: no repeat ends here."""
    endings: frozenset[int] = frozenset()
    """The times through the section for which this measure is meant; empty: for all."""
    segno: bool = False
    coda: bool = False
    """The way to the coda, or the coda itself if it is the last of them."""
    fine: bool = False
    jump: Jump | None = None


def play_order(signs: Sequence[Signs]) -> list[int]:
    """Return the indices of measures as they are played.

    A section begins at its sign, or where the section before it ended. After a jump to the
    beginning or to the sign repeats are not taken again, last endings are, and the piece ends at
    the fine or goes on at the coda. Signs that contradict each other or lead round in circles are
    read as far as they make sense.
    """
    written = list(range(len(signs)))
    order: list[int] = []
    index = section = 0
    time = 1
    jumped = False
    codas = [i for i, sign in enumerate(signs) if sign.coda]
    while index < len(signs):
        sign = signs[index]
        if sign.begins_repeat and index != section:
            section, time = index, 1
        wanted = _last_time(signs, index) if jumped else time
        if not sign.endings or wanted in sign.endings:
            order.append(index)
            if len(order) > MAX_EXPANSION * len(signs):
                return written
            if jumped and sign.fine:
                break
            if jumped and len(codas) > 1 and index in codas[:-1]:
                index = codas[-1]
                continue
            if time < _plays(signs, index) and not jumped:
                time += 1
                index = section
                continue
            if sign.jump and not jumped:
                jumped = True
                index = 0 if sign.jump is Jump.DA_CAPO else _first_segno(signs)
                continue
        if _section_ends(signs, index, jumped):
            section, time = index + 1, 1
        index += 1
    if not jumped and len(set(order)) < len(signs):
        return written  # an ending that no repeat leads to: better unrepeated than lost
    return order


def _section_ends(signs: Sequence[Signs], index: int, jumped: bool) -> bool:
    """Return whether what follows this measure is no more part of the repeated section."""
    if jumped:
        return False
    follows_ending = index + 1 < len(signs) and bool(signs[index + 1].endings)
    if signs[index].endings:
        return not follows_ending
    return signs[index].plays > 1 and not follows_ending


def _plays(signs: Sequence[Signs], index: int) -> int:
    """Return how often the section is played whose repeat ends with this measure; 1 if none."""
    sign = signs[index]
    return _last_time(signs, index) if sign.endings and sign.plays > 1 else sign.plays


def _last_time(signs: Sequence[Signs], index: int) -> int:
    """Return the number of the last ending in the run of endings around this measure."""
    first = last = index
    while first > 0 and signs[first - 1].endings:
        first -= 1
    while last + 1 < len(signs) and signs[last + 1].endings:
        last += 1
    return max((n for sign in signs[first : last + 1] for n in sign.endings), default=1)


def _first_segno(signs: Sequence[Signs]) -> int:
    return next((i for i, sign in enumerate(signs) if sign.segno), 0)
