"""What the player's latest notes are like: how loud, how high, in which key, how repetitive."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np

from live.core.ear import HeardNote
from live.core.guard import Repetition
from live.core.keys import best_key
from live.core.settings import PerformerSettings

FOLLOWED_NOTES: Final = 16
"""The model plays as loud as this many of the player's latest notes, on average."""
REMEMBERED_NOTES: Final = 48
"""Key and register are those of this many."""
LEAST_PITCH_CLASSES: Final = 3
"""Fewer tell no key."""
MODERATE: Final = 64
"""Velocity while the player has not played."""
MIDDLE_C: Final = 60
LOUDER_BY: Final = 32
"""What ``loudness`` 1 adds to a velocity that follows the player's."""


class Portrait:
    """Listens to the player's notes as they begin; their ends are seen on the objects."""

    def __init__(self) -> None:
        self._notes: deque[HeardNote] = deque(maxlen=REMEMBERED_NOTES)
        self._last_tick: int | None = None
        self.repetition = Repetition()
        """Of the player's notes."""
        self.key = -1
        """The key of the latest notes, numbered as in ``live.core.keys``; -1: none can be told."""

    def note_began(self, note: HeardNote, tick: int, *, pitched: bool) -> None:
        """Take a note; ``pitched`` is False for a drum."""
        shift = 0 if self._last_tick is None else tick - self._last_tick
        self._last_tick = tick
        self.repetition.add(note.pitch, shift)
        if not pitched:
            return
        self._notes.append(note)
        weights = np.zeros(12)
        for each in self._notes:
            # A chord that begins just now counts as well as what it follows.
            end_s = note.onset_s if each.release_s is None else each.release_s
            weights[each.pitch % 12] += max(0.1, end_s - each.onset_s)
        self.key = best_key(weights) if np.count_nonzero(weights) >= LEAST_PITCH_CLASSES else -1

    @property
    def register(self) -> float:
        """Return the mean pitch of the latest notes."""
        pitches = [note.pitch for note in self._notes]
        return sum(pitches) / len(pitches) if pitches else MIDDLE_C

    def busiest(self, length_s: float) -> int:
        """Return the most of the latest notes that began within a length of time, seconds."""
        return most_within([note.onset_s for note in self._notes], length_s)

    def velocity(self, settings: PerformerSettings) -> int:
        """Return how loud the model's notes are where they follow the player's.

        The mean of the player's latest notes, bent by the curve into the range.
        """
        latest = [note.velocity for note in self._notes][-FOLLOWED_NOTES:]
        mean = sum(latest) / len(latest) if latest else MODERATE
        low, high = settings.lowest_velocity, settings.highest_velocity
        bent: float = ((mean - 1) / 126) ** settings.velocity_curve
        louder = low + (high - low) * bent + LOUDER_BY * settings.loudness
        return round(min(max(louder, low), high))


def most_within(onsets: Iterable[float], length: float) -> int:
    """Return how many onsets lie within a length of time at most, its end not included."""
    ordered = np.sort([*onsets])
    within = np.searchsorted(ordered, ordered + length) - np.arange(len(ordered))
    return int(within.max(initial=0))
