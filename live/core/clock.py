"""Beats and bars at a tempo: the map between seconds and ticks."""

from __future__ import annotations

import math
from typing import Final

from live.events import TICKS_PER_BEAT


class BeatClock:
    """A steady pulse. Ticks are counted on; only their place in seconds and bars may be moved."""

    TOLERANCE_TICKS: Final = 0.25
    """A moment this little after a tick still counts as that tick: nobody releases on time."""
    source: str = "internal"
    """Where the pulse comes from, to be shown."""

    def __init__(self, bpm: float, beats_per_bar: int) -> None:
        self.seconds_per_tick = 60.0 / bpm / TICKS_PER_BEAT
        self.bar_length_ticks = beats_per_bar * TICKS_PER_BEAT
        self._origin_s = 0.0
        self._origin_tick = 0.0
        self._downbeat_tick = 0

    @property
    def anchor(self) -> tuple[float, float]:
        """Return a moment and its tick, from which the pulse is counted at its present tempo."""
        return self._origin_s, self._origin_tick

    @property
    def downbeat_tick(self) -> int:
        """Return a tick on which a bar begins."""
        return self._downbeat_tick

    @property
    def bpm(self) -> float:
        """Return the present tempo, in beats per minute."""
        return 60.0 / self.seconds_per_beat

    @property
    def seconds_per_beat(self) -> float:
        """Return the length of a beat."""
        return self.seconds_per_tick * TICKS_PER_BEAT

    @property
    def seconds_per_bar(self) -> float:
        """Return the length of a bar."""
        return self.seconds_per_tick * self.bar_length_ticks

    def tick_at(self, time_s: float) -> float:
        """Return the tick at a moment, with its fraction."""
        return self._origin_tick + (time_s - self._origin_s) / self.seconds_per_tick

    def time_of(self, tick: float) -> float:
        """Return the moment of a tick, in seconds."""
        return self._origin_s + (tick - self._origin_tick) * self.seconds_per_tick

    def start_bar(self, time_s: float) -> None:
        """Make this moment a tick and a downbeat; ticks go on from the nearest one."""
        tick = round(self.tick_at(time_s))
        self._origin_s, self._origin_tick, self._downbeat_tick = time_s, tick, tick

    def change_tempo(self, time_s: float, bpm: float) -> None:
        """Go on at another tempo from a moment on."""
        self._origin_tick, self._origin_s = self.tick_at(time_s), time_s
        self.seconds_per_tick = 60.0 / bpm / TICKS_PER_BEAT

    def change_bars(self, time_s: float, beats_per_bar: int) -> None:
        """Go on in other bars, counted from the beginning of the present one."""
        tick = math.floor(self.tick_at(time_s))
        self._downbeat_tick = tick - self.bar_ticks(tick)
        self.bar_length_ticks = beats_per_bar * TICKS_PER_BEAT

    def follow(
        self, time_s: float, tick: float, seconds_per_tick: float, downbeat_tick: int
    ) -> None:
        """Take over where another clock is: a moment and its tick, its tempo, and a downbeat."""
        self._origin_s, self._origin_tick = time_s, tick
        self.seconds_per_tick = seconds_per_tick
        self._downbeat_tick = downbeat_tick

    def bar_ticks(self, tick: int) -> int:
        """Return how many ticks after its bar's beginning a tick stands."""
        return (tick - self._downbeat_tick) % self.bar_length_ticks

    def next_multiple(self, time_s: float, unit_ticks: int) -> int:
        """Return the first tick from a moment on that is a multiple of a unit from a downbeat."""
        units = (self.tick_at(time_s) - self.TOLERANCE_TICKS - self._downbeat_tick) / unit_ticks
        return self._downbeat_tick + math.ceil(units) * unit_ticks
