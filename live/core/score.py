"""What has sounded lately, the player's notes and the model's: the source of the seed window."""

from __future__ import annotations

import math
from bisect import insort
from dataclasses import dataclass

import numpy as np

from live.events import START, Note, Tokens, encode, special_event


@dataclass(eq=False, slots=True)
class Entry:
    """A note of the score; the note may be replaced when more is known of it."""

    note: Note


class Score:
    """Notes in the order in which they are told to the network."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._entries: list[Entry] = []
        self._from_start = True
        self.last_sound_s = -math.inf
        """When anything sounded last, notes that were forgotten since included."""

    def __len__(self) -> int:
        """Return the number of notes."""
        return len(self._entries)

    @property
    def last_onset_ticks(self) -> int | None:
        """Where the latest note stands; None while there is none."""
        return self._entries[-1].note.onset_ticks if self._entries else None

    def last_chord(self) -> tuple[tuple[int, int], ...]:
        """Return pitch and instrument of what stands where the latest note stands, lowest first."""
        onset = self.last_onset_ticks
        chord: list[tuple[int, int]] = []
        for entry in reversed(self._entries):
            if entry.note.onset_ticks != onset:
                break
            _, pitch, instrument = entry.note.sort_key
            chord.append((pitch, instrument))
        return tuple(sorted(chord))

    def position(self, entry: Entry) -> int | None:
        """Return which row of ``events`` spells a note; None if the window has left it behind."""
        for i, each in enumerate(self._entries):
            if each is entry:
                return i + self._from_start
        return None

    def clear(self) -> None:
        """Forget everything: what comes next is the beginning of a piece."""
        self._entries = []
        self._from_start = True

    @property
    def overfull(self) -> bool:
        """Whether the next ``events`` will let the older half go."""
        return len(self._entries) > 2 * self._window

    def add(self, note: Note) -> Entry:
        """Put a note where it belongs."""
        entry = Entry(note)
        insort(self._entries, entry, key=lambda e: e.note.sort_key)
        return entry

    def remove(self, entries: list[Entry]) -> None:
        """Take notes out that did not sound after all."""
        gone = set(map(id, entries))
        self._entries = [entry for entry in self._entries if id(entry) not in gone]

    def events(self) -> Tokens:
        """Return the seed window as rows of tokens, shape (n, F).

        It holds the latest ``window`` notes at least and twice as many at most: the older half is
        let go at once, so that the states along the window can be kept while it grows.
        """
        if self.overfull:
            self._entries = self._entries[-self._window :]
            self._from_start = False
        notes = [entry.note for entry in self._entries]
        if notes and not self._from_start:  # of no notes at all the network could not go on
            return encode(notes)
        rows = encode(notes, notes[0].onset_ticks if notes else None)
        return np.concatenate([special_event(START)[None], rows])
