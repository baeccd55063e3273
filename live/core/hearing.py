"""What the player plays, as it goes into the score: chords gathered, lengths written at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from live.core.clock import BeatClock
from live.core.ear import Ear, EarEvent, HeardNote
from live.core.orchestra import instrument_on, player_instrument
from live.core.portrait import Portrait
from live.core.score import Entry, Score
from live.core.settings import Current
from live.events import DRUMS, Note

CHORD_WINDOW_S: Final = 0.03
"""Notes struck within this time of a chord's first one belong to the chord."""


class Hearing:
    """Keeps the score's side of the player's notes."""

    def __init__(
        self, current: Current, clock: BeatClock, score: Score, portrait: Portrait
    ) -> None:
        self._current = current
        self._clock = clock
        self._score = score
        self._portrait = portrait
        self._ear = Ear()
        self._sounding: dict[HeardNote, Entry] = {}
        """Notes whose length is to be written when they end."""
        self._chord_s = -math.inf
        self._chord_tick = 0

    @property
    def keys_down(self) -> int:
        """Number of keys that are held."""
        return self._ear.keys_down

    def take(self, time_s: float, data: bytes) -> tuple[EarEvent, bool]:
        """Take a message; return what it changed, and whether a key was touched."""
        before = self._ear.keys_down
        event = self._ear.hear(time_s, data)
        if self._ear.keys_down < before:  # also where the pedal holds the note
            self._score.last_sound_s = max(self._score.last_sound_s, time_s)
        return event, event.began is not None or self._ear.keys_down != before

    def breaks_silence(self, heard: HeardNote) -> bool:
        """Whether a note that begins is the first one after a bar of silence."""
        silence_s = heard.onset_s - self._score.last_sound_s
        return self._ear.keys_down == 1 and silence_s > self._clock.seconds_per_bar

    def note_began(self, heard: HeardNote, tick: int) -> int:
        """Write a note that begins; return the tick where it stands.

        ``tick`` is that of the moment; a note that belongs to a chord stands where the chord does.
        """
        if heard.onset_s - self._chord_s > CHORD_WINDOW_S:
            self._chord_s, self._chord_tick = heard.onset_s, tick
        self._score.last_sound_s = heard.onset_s
        instrument = player_instrument(self._current.now, heard.pitch)
        self._portrait.note_began(heard, self._chord_tick, pitched=instrument != DRUMS)
        note = Note(
            self._chord_tick,
            heard.pitch,
            instrument,
            velocity=heard.velocity,
            bar_ticks=self._clock.bar_ticks(self._chord_tick),
        )
        self._sounding[heard] = self._score.add(note)
        return self._chord_tick

    def note_ended(self, heard: HeardNote) -> None:
        """Write how long a note was."""
        assert heard.release_s is not None
        entry = self._sounding.pop(heard, None)
        if entry is not None:
            duration = self._ticks_between(heard.onset_s, heard.release_s)
            entry.note = replace(entry.note, duration_ticks=duration)
        self._score.last_sound_s = max(self._score.last_sound_s, heard.release_s)

    def settle_held_notes(self, now_s: float, guess: Callable[[Entry, int, int], int]) -> None:
        """Write for notes that sound how long they may become.

        For a key that is held this is until it is released. For a note that the pedal alone holds
        it is for good: under a pedal that is never let up, each turn and each key that is struck
        again would change a window that was read long ago.

        Args:
            now_s: the moment.
            guess: given a note, how long it has been at least, and its number among those that
                sound: its duration, in ticks. It may rely on the guesses before.
        """
        held = sorted(self._sounding.items(), key=lambda item: item[1].note.sort_key)
        for number, (heard, entry) in enumerate(held):
            least = self._ticks_between(heard.onset_s, now_s)
            entry.note = replace(entry.note, duration_ticks=guess(entry, least, number))
            if not self._ear.is_down(heard):
                del self._sounding[heard]

    def recall_model_note(
        self, onset_s: float, release_s: float, channel: int, pitch: int, velocity: int
    ) -> None:
        """Put back a note that the model played before."""
        tick = round(self._clock.tick_at(onset_s))
        self._score.add(
            Note(
                tick,
                pitch,
                instrument_on(self._current.now, channel),
                self._ticks_between(onset_s, release_s),
                velocity,
                bar_ticks=self._clock.bar_ticks(tick),
            )
        )
        self._score.last_sound_s = max(self._score.last_sound_s, release_s)

    def _ticks_between(self, onset_s: float, release_s: float) -> int:
        return max(1, round((release_s - onset_s) / self._clock.seconds_per_tick))
