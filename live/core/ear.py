"""From the player's MIDI messages to notes with an onset and, once it is known, a duration."""

from __future__ import annotations

from dataclasses import dataclass

NOTE_OFF = 0x80
NOTE_ON = 0x90
CONTROL_CHANGE = 0xB0
SUSTAIN_PEDAL = 64


@dataclass(eq=False, slots=True)
class HeardNote:
    """A note of the player's; ``release_s`` is None while it sounds."""

    onset_s: float
    channel: int
    pitch: int
    velocity: int
    release_s: float | None = None


@dataclass(frozen=True, slots=True)
class EarEvent:
    """What one message changed: notes that began, notes that ended."""

    began: HeardNote | None = None
    ended: tuple[HeardNote, ...] = ()


class Ear:
    """Follows keys and the sustain pedal. Takes whole channel messages, in order of time."""

    def __init__(self) -> None:
        self._down: dict[tuple[int, int], HeardNote] = {}
        self._sustained: dict[tuple[int, int], HeardNote] = {}
        self._pedal: set[int] = set()

    @property
    def keys_down(self) -> int:
        """Number of keys that are held, whatever the pedal does."""
        return len(self._down)

    def is_down(self, note: HeardNote) -> bool:
        """Whether a note's key is held; if not, it sounds by the pedal at most."""
        return self._down.get((note.channel, note.pitch)) is note

    def hear(self, time_s: float, data: bytes) -> EarEvent:
        """Take a message; note-on with velocity 0 is a note-off, anything else changes nothing."""
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if kind == NOTE_ON and data[2] > 0:
            key = (channel, data[1])
            # The same key struck again ends what it was sounding.
            again = [n for n in (self._down.pop(key, None), self._sustained.pop(key, None)) if n]
            note = HeardNote(time_s, channel, data[1], data[2])
            self._down[key] = note
            return EarEvent(note, self._end(again, time_s))
        if kind in (NOTE_OFF, NOTE_ON):
            released = self._down.pop((channel, data[1]), None)
            if released is None:
                return EarEvent()
            if channel in self._pedal:
                self._sustained[channel, data[1]] = released
                return EarEvent()
            return EarEvent(ended=self._end([released], time_s))
        if kind == CONTROL_CHANGE and data[1] == SUSTAIN_PEDAL:
            if data[2] >= 64:
                self._pedal.add(channel)
                return EarEvent()
            self._pedal.discard(channel)
            keys = [key for key in self._sustained if key[0] == channel]
            return EarEvent(ended=self._end([self._sustained.pop(key) for key in keys], time_s))
        return EarEvent()

    def _end(self, notes: list[HeardNote], time_s: float) -> tuple[HeardNote, ...]:
        for note in notes:
            note.release_s = time_s
        return tuple(notes)
