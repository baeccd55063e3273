"""How loud a note is, from the dynamics of a score through music21's realized volume."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from music21 import dynamics, volume

_MARK: Final = re.compile(r"(?<![a-z])(p{1,6}|f{1,6}|m[pf]|s?f+p+|s?f+z+p*|sf+|rf+z?)(?![a-z])")
_ACCENTS: Final = re.compile(r"s?f+z+|sf+|rf+z?")


@dataclass(frozen=True)
class Mark:
    """A dynamic: how loud what begins with it is, and how loud it goes on."""

    here: str
    after: str | None
    """None: as before. An accent passes."""


@lru_cache(maxsize=1024)
def mark_of(text: str) -> Mark | None:
    """Return the dynamic that a text holds, such as ``p`` or ``f >``; None if it holds none."""
    found = _MARK.search(text)
    if found is None:
        return None
    name = found.group(1)
    if _ACCENTS.fullmatch(name):
        return Mark(here="sf", after=None)
    soft = name.lstrip("sfz")
    if soft and name != soft:  # fp, sfp, sfzp: loud, and soft at once after it
        return Mark(here="f", after=soft)
    return Mark(here=name, after=name)


class Loudness:
    """The dynamics that hold for a group of staves, in the order of time."""

    def __init__(self) -> None:
        self._here: str | None = None
        self._after: str | None = None
        self._since: Any = None

    def put(self, mark: Mark, at: Any) -> None:
        """Take in a mark at a moment; moments only need to be equal or not."""
        lasting = self.at(at) if mark.after is None else None
        self._here, self._after, self._since = mark.here, mark.after or lasting or self._after, at

    def at(self, moment: Any) -> str | None:
        """Return the dynamic for notes that begin at a moment; None before the first mark."""
        return self._here if moment == self._since else self._after


def velocity(
    dynamic: str | None,
    articulations: Sequence[Any] = (),
    written: volume.Volume | None = None,
) -> int | None:
    """Return the velocity of a note, 1 to 127; None where the score does not say.

    Args:
        dynamic: the dynamic that holds for the note.
        articulations: music21 articulations of the note.
        written: the note's own volume, if it has one.
    """
    if written is not None and written.velocity is not None:
        return max(int(written.velocity), 1)
    if dynamic is None:
        return None
    return _realized(dynamic, _shift(articulations))


def _shift(articulations: Iterable[Any]) -> float:
    return float(sum(articulation.volumeShift for articulation in articulations))


@lru_cache(maxsize=4096)
def _realized(dynamic: str, shift: float) -> int:
    scalar = volume.Volume().getRealized(
        useDynamicContext=dynamics.Dynamic(dynamic), useArticulations=False, clip=False
    )
    return min(max(round((float(scalar) + shift) * 127), 1), 127)
