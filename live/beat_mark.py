"""Where the beat and the bars were at a moment: what a journal tells of a session's time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from live.core.clock import BeatClock
from live.events import TICKS_PER_BEAT
from live.journal_line import Line

KIND: Final = "beat"
"""Of its lines in the journal."""
SAME_TICKS: Final = 0.25
"""A beat that is this near to where it was expected is no news; it is what playing is forgiven."""
SAME_TEMPO: Final = 5e-3
"""Nor is a tempo that differs by less than this share."""
MOST_BEATS: Final = 32
"""Of a bar."""
SLOWEST_BPM: Final = 4.0
FASTEST_BPM: Final = 1000.0
MOST: Final = 10**10
"""Ticks beyond this are damage and no session. They are counted from when the machine was switched
on: at 120 BPM these are six years."""


@dataclass(frozen=True, slots=True)
class BeatMark:
    """A moment, its tick, and what may be foretold from there; ticks as of ``BeatClock``."""

    time_s: float
    tick: float
    seconds_per_tick: float
    downbeat: int
    """A tick on which a bar begins."""
    bar_ticks: int

    @classmethod
    def of(cls, clock: BeatClock, time_s: float) -> Self:
        """Return where a clock is at a moment."""
        return cls(
            time_s,
            clock.tick_at(time_s),
            clock.seconds_per_tick,
            clock.downbeat_tick,
            clock.bar_length_ticks,
        )

    @classmethod
    def read(cls, line: Line) -> Self | None:
        """Return what a line of a journal tells; None: it is another one, or makes no sense."""
        if line.kind != KIND:
            return None
        try:
            tick, seconds_per_tick, downbeat, bar_ticks = _REST.validate_python(line.rest)
        except ValidationError:
            return None
        beats, rest = divmod(bar_ticks, TICKS_PER_BEAT)
        whole = 1 <= beats <= MOST_BEATS and rest == 0
        near = abs(tick) <= MOST and abs(downbeat) <= MOST
        sane = whole and near and seconds_per_tick > 0
        if not sane or not SLOWEST_BPM <= 60 / seconds_per_tick / TICKS_PER_BEAT <= FASTEST_BPM:
            return None
        return cls(line.time_s, tick, seconds_per_tick, downbeat, bar_ticks)

    @property
    def rest(self) -> tuple[float | int, ...]:
        """Return what stands in the journal besides kind and time."""
        return (
            round(self.tick, 4),
            round(self.seconds_per_tick, 9),
            self.downbeat,
            self.bar_ticks,
        )

    def at(self, time_s: float) -> BeatMark:
        """Return the mark with its moment counted from elsewhere."""
        return replace(self, time_s=time_s)

    def expected_tick(self, time_s: float) -> float:
        """Return the tick of a later moment, if nothing has changed since."""
        return self.tick + (time_s - self.time_s) / self.seconds_per_tick

    def place_in_bar(self, time_s: float) -> int:
        """Return how many ticks after its bar's beginning the nearest tick stands."""
        return (round(self.expected_tick(time_s)) - self.downbeat) % self.bar_ticks

    def foretells(self, later: BeatMark) -> bool:
        """Whether a later mark is what was to be expected from this one."""
        return (
            abs(later.tick - self.expected_tick(later.time_s)) <= SAME_TICKS
            and abs(later.seconds_per_tick / self.seconds_per_tick - 1) <= SAME_TEMPO
            and later.bar_ticks == self.bar_ticks
            and (later.downbeat - self.downbeat) % self.bar_ticks == 0
        )


_REST: Final = TypeAdapter(tuple[FiniteFloat, FiniteFloat, int, int])
