"""Clock messages that come in: which of them are followed, and what a newcomer has to be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from live.core.midi_clock import (
    CLOCK,
    CONTINUE,
    SONG_POSITION,
    START,
    STOP,
    TICKS_PER_SIXTEENTH,
)
from live.core.settings import ClockSource
from live.standing import Run

MOST_SIXTEENTHS: Final = 1 << 14
"""A Song Position counts no further."""


def song_position(ticks: int) -> bytes:
    """Return the message that spells a place in the song, in whole sixteenths."""
    sixteenths = ticks // TICKS_PER_SIXTEENTH % MOST_SIXTEENTHS
    return bytes([SONG_POSITION, sixteenths & 0x7F, sixteenths >> 7])


class ClockInput:
    """Takes clock messages in the order in which they come."""

    def __init__(self, source: ClockSource) -> None:
        self._source = source
        self._hinted = False
        self._running = False
        self._position = 0
        """Place in the song of the next clock message, in ticks."""
        self._newcomer = False
        self._place_in_bar: Callable[[float], int] | None = None
        """Of a clock that ran before this process, and of which nothing was heard since."""

    def follow(self, source: ClockSource) -> None:
        """Let another clock lead."""
        if source == self._source:
            return
        self._source, self._place_in_bar = source, None
        self._hinted = self._running = False

    def go_on(self, run: Run, position: int, place_in_bar: Callable[[float], int] | None) -> None:
        """Go on where a process before this was.

        Args:
            run: what the clock did.
            position: where it goes on, in ticks, unless it ran.
            place_in_bar: where a message that comes at a moment is in its bar; None: nobody knows.
        """
        self._running, self._position = run == "armed", position
        self._place_in_bar = place_in_bar if run == "running" else None

    def hint(self, message: bytes) -> str | None:
        """Return a line for the user about a message that nobody follows; once."""
        if self._source == "midi" or self._hinted or message[0] != CLOCK:
            return None
        self._hinted = True
        if self._source == "link":
            return "MIDI clock comes in while Link leads: Link goes on to lead"
        return 'MIDI clock comes in; to follow it, let time.clock be "midi"'

    def newcomer(self) -> None:
        """Somebody new listens who has not heard the song begin: a new take's core."""
        self._newcomer = self._running or self._place_in_bar is not None

    def relay(self, time_s: float, message: bytes) -> list[bytes]:
        """Return what is told of a message: nothing, itself, or what a newcomer needs before it."""
        if self._source != "midi":
            return []
        told = [message]
        if self._place_in_bar is not None and message[0] == CLOCK:
            self._running, self._position = True, self._place_in_bar(time_s)
        self._place_in_bar = None
        if message[0] == CLOCK and self._running:
            if self._newcomer and self._position % TICKS_PER_SIXTEENTH == 0:
                self._newcomer = False
                told = [song_position(self._position), bytes([CONTINUE]), message]
            self._position += 1
        elif message[0] == START:
            self._running, self._position, self._newcomer = True, 0, False
        elif message[0] == CONTINUE:
            self._running, self._newcomer = True, False
        elif message[0] == STOP:
            self._running = False
        elif message[0] == SONG_POSITION and not self._running:
            self._position = TICKS_PER_SIXTEENTH * (message[1] | message[2] << 7)
        return told
