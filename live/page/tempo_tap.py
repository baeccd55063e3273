"""The tempo of somebody who taps it."""

from __future__ import annotations

from statistics import median
from typing import Final

LONGEST_S: Final = 3.0
"""After a pause longer than this a tap is the first of a new row: 20 beats per minute."""
MOST_TAPS: Final = 6


class TempoTap:
    """Turns taps into beats per minute."""

    def __init__(self) -> None:
        self._taps_s: list[float] = []

    def tap(self, time_s: float) -> float | None:
        """Take a tap; return the tempo, rounded to tenths, None while there is but one tap."""
        if self._taps_s and not 0 < time_s - self._taps_s[-1] <= LONGEST_S:
            self._taps_s = []
        self._taps_s = [*self._taps_s, time_s][-MOST_TAPS:]
        if len(self._taps_s) < 2:
            return None
        gaps = [b - a for a, b in zip(self._taps_s, self._taps_s[1:], strict=False)]
        return round(60.0 / median(gaps), 1)
