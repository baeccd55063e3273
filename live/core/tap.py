"""Tempo by tapping."""

from __future__ import annotations

from typing import Final

MOST_TAPS: Final = 8
"""The tempo is that of the latest taps, at most so many."""
SLOWEST_BPM: Final = 20.0
FASTEST_BPM: Final = 400.0
UNEVEN: Final = 0.5
"""A tap that is off the pulse of those before by this share of it begins a new count."""


class TapTempo:
    """Finds the tempo of taps: the slope of a straight line through them."""

    def __init__(self) -> None:
        self._taps_s: list[float] = []

    def tap(self, time_s: float) -> float | None:
        """Take a tap; return the tempo in beats per minute, None if there is none yet."""
        if self._taps_s:
            interval_s = time_s - self._taps_s[-1]
            usual_s = self._pulse_s() or interval_s
            too_long = interval_s > 60 / SLOWEST_BPM
            if too_long or abs(interval_s - usual_s) > UNEVEN * usual_s:
                self._taps_s = []
        self._taps_s = [*self._taps_s, time_s][-MOST_TAPS:]
        pulse_s = self._pulse_s()
        if pulse_s is None or pulse_s < 60 / FASTEST_BPM:
            return None
        return round(max(60 / pulse_s, SLOWEST_BPM), 1)

    def _pulse_s(self) -> float | None:
        count = len(self._taps_s)
        if count < 2:
            return None
        middle = (count - 1) / 2
        spread = sum((i - middle) ** 2 for i in range(count))
        return sum((i - middle) * tap_s for i, tap_s in enumerate(self._taps_s)) / spread
