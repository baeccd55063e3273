"""MIDI clock for those who follow: when each message is due. It sends nothing itself.

A clock message is sent on each of the 24 ticks of a beat, whether the music plays or waits. Start
goes out right before the tick that the song begins on; to go on from elsewhere, a Song Position and
then, right before a tick on a sixteenth, Continue.
"""

from __future__ import annotations

import math
from typing import Final

from live.core.midi_clock import CLOCK, CONTINUE, START, STOP, TICKS_PER_SIXTEENTH
from live.messages import Pulse
from live.midi_io.clock_input import song_position

RECENT_TICKS: Final = 2
"""A song that began no longer ago than this is begun; later, one goes on in it."""
JUMP_TICKS: Final = 12
"""A beat that is moved further than this is another beat: ticks are counted anew."""
SAME_SONG_TICKS: Final = TICKS_PER_SIXTEENTH
"""A song's beginning that is moved no further than this is still the same."""


class ClockSender:
    """Follows the pulse that it is told. Times are seconds, of the same clock as the pulse's."""

    def __init__(self) -> None:
        self._pulse: Pulse | None = None
        self._next_tick = 0
        self._running = False
        """Whether those who follow were told that the song runs."""
        self._entry: tuple[int, int] | None = None
        """A tick, and the message that goes out right before it."""
        self._at_once: list[bytes] = []

    def lead(self, pulse: Pulse, now_s: float) -> None:
        """Go on with this pulse."""
        before, self._pulse = self._pulse, pulse
        now_tick = self._tick_at(now_s)
        if before is None or abs(self._next_tick - now_tick) > JUMP_TICKS:
            self._next_tick = math.ceil(now_tick)
            self._halt()
        if not pulse.running:
            self._halt()
        elif not self._running:
            self._enter(pulse, now_tick)
        elif before is not None and abs(pulse.first_tick - before.first_tick) > SAME_SONG_TICKS:
            self._halt()
            self._enter(pulse, now_tick)

    def stop(self) -> list[bytes]:
        """Send no clock any more; return what has to be sent now."""
        self._halt()
        last, self._at_once = self._at_once, []
        self._pulse = None
        return last

    def next_deadline_s(self) -> float | None:
        """Return when something is due; None: never."""
        if self._pulse is None:
            return None
        return -math.inf if self._at_once else self._time_of(self._next_tick)

    def due(self, now_s: float) -> list[bytes]:
        """Take out and return what is due, in order."""
        if self._pulse is None:
            return []
        messages, self._at_once = self._at_once, []
        while self._time_of(self._next_tick) <= now_s:
            if self._entry is not None and self._next_tick >= self._entry[0]:
                messages.append(bytes([self._entry[1]]))
                self._entry = None
            messages.append(bytes([CLOCK]))
            self._next_tick += 1
        return messages

    def _halt(self) -> None:
        if self._running:
            self._at_once.append(bytes([STOP]))
        self._running, self._entry = False, None

    def _enter(self, pulse: Pulse, now_tick: float) -> None:
        self._running = True
        if pulse.first_tick > now_tick - RECENT_TICKS:
            # Its first tick may have gone out already, when it was nothing special.
            self._next_tick = min(self._next_tick, pulse.first_tick)
            self._entry = pulse.first_tick, START
            return
        tick = max(self._next_tick, math.ceil(now_tick))
        tick += (pulse.first_tick - tick) % TICKS_PER_SIXTEENTH
        self._at_once.append(song_position(tick - pulse.first_tick))
        self._entry = tick, CONTINUE

    def _tick_at(self, time_s: float) -> float:
        assert self._pulse is not None
        return self._pulse.tick + (time_s - self._pulse.time_s) / self._pulse.seconds_per_tick

    def _time_of(self, tick: int) -> float:
        assert self._pulse is not None
        return self._pulse.time_s + (tick - self._pulse.tick) * self._pulse.seconds_per_tick
