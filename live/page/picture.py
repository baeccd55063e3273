"""The music as the pages draw it: a view as plain lists, and what changed from view to view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from live.core.view import KEPT_S, NoteView, View

Row = list[Any]
"""Of a note: id, 1 if the model's, pitch, onset, release or None, velocity, 1 if committed."""
FORGOTTEN_S: Final = KEPT_S - 1.0
"""A note that vanishes this long after its end has only become old: pages keep it while they show
it. One that vanishes sooner was taken back."""


class Picture:
    """What is on the roll. A page gets it whole once, and then what changes."""

    def __init__(self) -> None:
        self._notes: dict[str, Row] = {}
        self._frame: dict[str, Any] = {}
        self.number = 0
        """Of the latest change: a page that misses one asks for the whole."""

    def change(self, view: View) -> dict[str, Any]:
        """Take a view; return what is new in it."""
        now = {row[0]: row for row in _rows(view.notes)}
        changed = [row for id_, row in now.items() if self._notes.get(id_) != row]
        old_s = view.time_s - FORGOTTEN_S
        gone = [
            id_
            for id_, row in self._notes.items()
            if id_ not in now and (row[4] is None or row[4] > old_s)
        ]
        self._notes = now
        self._frame = {
            "turn": view.turn,
            "beat": [view.beat_time_s, view.beat, view.bpm, view.downbeat, view.beats_per_bar],
        }
        self.number += 1
        return {"number": self.number, **self._frame, "notes": changed, "gone": gone}

    def whole(self) -> dict[str, Any]:
        """Return everything."""
        rows = list(self._notes.values())
        return {"number": self.number, "whole": True, **self._frame, "notes": rows, "gone": []}


def _rows(notes: Iterable[NoteView]) -> list[Row]:
    """Return a row for each note; a key that is struck again ends its note before."""
    rows = [_row(note) for note in sorted(notes, key=lambda note: note.onset_s)]
    latest: dict[tuple[int, int], Row] = {}
    for row in rows:
        before = latest.get((row[1], row[2]))
        if before is not None and (before[4] is None or before[4] > row[3]):
            before[4] = row[3]
        latest[row[1], row[2]] = row
    return rows


def _row(note: NoteView) -> Row:
    release_s = None if note.release_s is None else round(note.release_s, 4)
    who = int(note.who == "model")
    onset_s = round(note.onset_s, 4)
    return [note.id, who, note.pitch, onset_s, release_s, note.velocity, int(note.committed)]
