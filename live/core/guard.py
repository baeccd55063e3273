"""The guard against loops: it notices what repeats itself, and heats the sampling until it stops.

A passage repeats itself where the same notes come in the same rhythm for the third time in a row,
and a single note where it is struck again and again in whatever rhythm, with few others between. A
passage is told as soon as a quarter of that third time is there, or the loop would be complete
before it is left. How long it has gone on is counted in notes. The model may repeat itself as long
as the player does, and a little in any case; each note beyond makes the next draw hotter, without
end, and a few notes that are new let it cool down again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

LONGEST_PERIOD: Final = 32
"""Notes after which a repetition may come at the latest."""
TOLERANCE_TICKS: Final = 3
"""Rhythms that differ by no more are the same: nobody plays on the grid."""
REPEATED: Final = 1.25
"""What is told has come again, and a quarter of it once more."""
ALLOWED_NOTES: Final = 10
"""A repetition of so many notes is music, whatever the player does."""
COOLING: Final = 4
"""Each new note takes as much heat away as so many notes of a loop brought."""
HEAT: Final = 0.2
"""What each note beyond adds to the temperature."""
OPENING: Final = 0.65
"""What each multiplies min-p with: heat alone never lets in what min-p rules out."""
_PERIODS: Final = np.arange(1, LONGEST_PERIOD + 1)
_KEPT: Final = 4 * LONGEST_PERIOD

Integers = npt.NDArray[np.int64]


class Repetition:
    """Follows a line of notes and tells how long it has been repeating itself."""

    def __init__(self) -> None:
        self._notes: list[tuple[int, int]] = []
        """Pitch, and ticks since the note before."""
        self._runs: list[Integers] = []
        """By note and period: how many notes in a row were those of a period before."""
        self.lengths: list[int] = []
        """By note: how many notes the repetition is long that it stands in; 0: it is none's."""

    def add(self, pitch: int, shift_ticks: int) -> None:
        """Take the next note of the line."""
        past = np.array(self._notes[: -LONGEST_PERIOD - 1 : -1], dtype=np.int64).reshape(-1, 2)
        same = (past[:, 0] == pitch) & (np.abs(past[:, 1] - shift_ticks) <= TOLERANCE_TICKS)
        same[:1] |= past[:1, 0] == pitch
        runs = np.zeros(LONGEST_PERIOD, dtype=np.int64)
        if self._runs:
            before = self._runs[-1][: len(same)]
            runs[: len(same)] = np.where(same, before + 1, 0)
            if not same[0]:  # a single note that is gone for a moment is not forgotten at once
                runs[0] = max(0, before[0] - COOLING)
        self._notes.append((pitch, shift_ticks))
        self._runs.append(runs)
        self.lengths.append(int(np.max(runs, where=runs >= REPEATED * _PERIODS, initial=0)))
        for kept in (self._notes, self._runs, self.lengths):
            del kept[:-_KEPT]

    def drop(self, count: int) -> None:
        """Take the latest notes back."""
        for kept in (self._notes, self._runs, self.lengths):
            del kept[len(kept) - min(count, len(kept)) :]


def excess(line: Repetition, player: Repetition) -> int:
    """Return the heat of the next draw: notes that a line repeats beyond what the player does."""
    allowed = max([ALLOWED_NOTES, *player.lengths])
    beyond = (length - allowed for length in reversed(line.lengths))
    return max([0, *(heat - COOLING * ago for ago, heat in enumerate(beyond))])


def heated(temperature: float, min_p: float, heat: int) -> tuple[float, float]:
    """Return the temperature and min-p to draw with."""
    return temperature + HEAT * heat, min_p * OPENING**heat
