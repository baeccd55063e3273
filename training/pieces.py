"""What every reader returns: the notes of one piece of music, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from live.events import Note


@dataclass(frozen=True)
class Piece:
    """One piece of music, from its first note to its last."""

    name: str
    """Tells pieces apart in reports: the file's name, and the tune's number in a tune book."""
    source: str
    """The path of the file that it was read from."""
    notes: tuple[Note, ...]
    """At least one note, in the order of ``Note.sort_key``; onsets in ticks, none below 0."""
