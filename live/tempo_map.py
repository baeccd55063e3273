"""The tempo map of a recording: every note when it sounded, and bar lines where the bars were.

The clock of a session does not run through: while it is internal, the player's first note after a
bar of silence is a downbeat, wherever the bars were before; the tempo may be changed; another clock
may lead. In the file, time between two marks of the journal is one stretch of one tempo. Where bars
begin anew, the silence before, a bar of it at most, takes what is missing or too much: its tempo is
another one, so that the new bar begins on a bar line of the file.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

import mido

from live.beat_mark import FASTEST_BPM, SLOWEST_BPM, BeatMark
from live.events import TICKS_PER_BEAT as GRID

TICKS_PER_BEAT: Final = 960
"""Of the file: half a millisecond at 120 BPM, so that each note stands as it sounded."""
SCALE: Final = TICKS_PER_BEAT // GRID
"""Ticks of the file in one of the grid."""
BEND_BEATS: Final = 2
"""A beat that leaps by more than a tick of the grid, as when a clock that is followed changes its
tempo, is made up for in the last beats before: what was played long before was at the old tempo."""
ON_THE_LINE: Final = SCALE // 4
"""Ticks of the file that are no reason to move a bar line."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Music at one tempo: from a moment and its tick on."""

    time_s: float
    tick: int
    tempo: int
    """Microseconds per beat."""

    def tick_at(self, time_s: float) -> int:
        """Return the nearest tick of a moment."""
        return self.tick + int(mido.second2tick(time_s - self.time_s, TICKS_PER_BEAT, self.tempo))


class TempoMap:
    """Stretches of one tempo each, and the bars over them."""

    def __init__(self, bpm: float, beats_per_bar: int | None) -> None:
        """Begin at a tempo, at the beginning of a bar; None: bars are not known."""
        self._stretches = [Stretch(0.0, 0, mido.bpm2tempo(bpm))]
        self._bars: list[tuple[int, int]] = []
        """From which tick on there are bars of so many ticks."""
        if beats_per_bar is not None:
            self._bars.append((0, beats_per_bar * TICKS_PER_BEAT))
        self._latest: BeatMark | None = None

    # -- what is asked of it --------------------------------------------------------------------

    def tick_of(self, time_s: float) -> int:
        """Return the tick of a moment, seconds from the beginning."""
        at = bisect_right(self._stretches, time_s, key=lambda s: s.time_s) - 1
        return self._stretches[max(at, 0)].tick_at(time_s)

    def messages(self) -> list[tuple[int, mido.MetaMessage]]:
        """Return tempi and time signatures with their ticks, in order."""
        found = [(s.tick, mido.MetaMessage("set_tempo", tempo=s.tempo)) for s in self._stretches]
        for tick, bar_ticks in self._bars:
            beats = bar_ticks // TICKS_PER_BEAT
            bars = mido.MetaMessage("time_signature", numerator=beats, denominator=4)
            found.append((tick, bars))
        return sorted(found, key=lambda each: each[0])

    # -- what it is told ------------------------------------------------------------------------

    def add(self, mark: BeatMark, sounded_s: float) -> None:
        """Take a mark, which is not earlier than what was told before.

        Args:
            mark: where the beat is now.
            sounded_s: when something was heard last before it; silence from there on may be
                stretched.
        """
        time_s = mark.time_s
        expected = self._expected(mark)
        phase = (round(mark.tick * SCALE) - mark.downbeat * SCALE) % (mark.bar_ticks * SCALE)
        if not self._is_in_bar(expected, phase, mark):
            bar_s = mark.bar_ticks * mark.seconds_per_tick
            expected = self._align(expected, phase, mark, max(sounded_s, time_s - bar_s, 0.0))
        else:
            self._bend(time_s, expected)
        self._latest = mark
        self._reach(time_s, expected)
        last = self._stretches[-1]
        tempo = round(1e6 * mark.seconds_per_tick * GRID)
        self._stretches[-1] = Stretch(last.time_s, last.tick, tempo)
        self._set_bars(last.tick, phase, mark)

    # -- inside ---------------------------------------------------------------------------------

    def _expected(self, mark: BeatMark) -> int:
        """Return the tick of a mark, as the clock counted on, or as time went on if it did not."""
        last = self._stretches[-1]
        by_time = last.tick_at(mark.time_s)
        if self._latest is not None:
            by_count = last.tick + (mark.tick - self._latest.tick) * SCALE
            if by_count > last.tick and abs(by_count - by_time) <= TICKS_PER_BEAT:
                return round(by_count)
        return by_time

    def _is_in_bar(self, tick: int, phase: int, mark: BeatMark) -> bool:
        """Whether this tick of the file stands in its bar where it should."""
        if not self._bars or self._bars[-1][1] != mark.bar_ticks * SCALE:
            return True  # bars that begin anew begin where they should
        off = (tick - self._bars[-1][0] - phase) % self._bars[-1][1]
        return min(off, self._bars[-1][1] - off) <= ON_THE_LINE

    def _align(self, tick: int, phase: int, mark: BeatMark, silent_s: float) -> int:
        """Let the silence before a mark bring it where it should stand in its bar.

        Args:
            tick: where it would stand.
            phase: where it should stand, from the beginning of a bar.
            mark: what begins there.
            silent_s: from when on the time may be stretched.

        Returns:
            The tick where it stands then: the same, if the silence is too short.
        """
        at = max(bisect_right(self._stretches, silent_s, key=lambda s: s.time_s) - 1, 0)
        silence_s = mark.time_s - silent_s
        known = self._stretches[at].tick_at(silent_s)
        bar = mark.bar_ticks * SCALE
        down = tick - (tick - self._bars[-1][0] - phase) % bar
        for candidate in sorted((down, down + bar), key=lambda c: abs(c - tick)):
            beats = (candidate - known) / TICKS_PER_BEAT
            if beats > 0 and SLOWEST_BPM <= 60 * beats / max(silence_s, 1e-9) <= FASTEST_BPM:
                del self._stretches[at + 1 :]  # tempi that nothing was heard in
                self._bars = [bars for bars in self._bars if bars[0] <= known] or self._bars[:1]
                self._reach(silent_s, known)
                return candidate
        return tick

    def _bend(self, time_s: float, tick: int) -> None:
        """Let a stretch be as it was until shortly before a moment that its beat has leapt to."""
        last = self._stretches[-1]
        bend_s = time_s - BEND_BEATS * last.tempo / 1e6
        if bend_s > last.time_s and abs(tick - last.tick_at(time_s)) > SCALE:
            self._reach(bend_s, last.tick_at(bend_s))

    def _reach(self, time_s: float, tick: int) -> None:
        """Let the stretch that is open end at a moment on a tick, as near as its tempo can."""
        last = self._stretches[-1]
        beats = (tick - last.tick) / TICKS_PER_BEAT
        if time_s <= last.time_s or beats <= 0:
            return
        as_before = abs(tick - last.tick_at(time_s)) <= 1
        tempo = last.tempo if as_before else round(1e6 * (time_s - last.time_s) / beats)
        slowest, fastest = (int(mido.bpm2tempo(bpm)) for bpm in (SLOWEST_BPM, FASTEST_BPM))
        if not fastest <= tempo <= slowest:
            tick, tempo = last.tick_at(time_s), last.tempo
            if tick <= last.tick:
                return
        self._stretches[-1] = Stretch(last.time_s, last.tick, tempo)
        # The moment at which a player of the file reaches that tick: rounding never adds up.
        reached_s = last.time_s + mido.tick2second(tick - last.tick, TICKS_PER_BEAT, tempo)
        self._stretches.append(Stretch(reached_s, tick, tempo))

    def _set_bars(self, tick: int, phase: int, mark: BeatMark) -> None:
        """Let bars be as long as they are from the present one on."""
        bar = mark.bar_ticks * SCALE
        if self._bars and self._bars[-1][1] == bar:
            return
        begin = max(tick - phase, self._bars[-1][0] if self._bars else 0, 0)
        if self._bars and self._bars[-1][0] == begin:
            self._bars.pop()
        self._bars.append((begin, bar))
