"""Reads a file of music, whatever its format, as notes on the alphabet's grid."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from live.events import Note
from training.pieces import Piece
from training.reading.errors import UnreadableError

__all__ = ["READER_VERSION", "SUFFIXES", "UnreadableError", "read", "read_all"]

READER_VERSION: Final = 1
"""Raised whenever the same file would be read as other notes, so that no cache keeps the old."""

MIDI_SUFFIXES: Final = frozenset({".mid", ".midi"})
NOTATION_SUFFIXES: Final = frozenset({".xml", ".musicxml", ".mxl", ".krn", ".abc"})
SUFFIXES: Final = MIDI_SUFFIXES | NOTATION_SUFFIXES
"""Endings of the file names that are music, in lower case."""


def read(path: Path, track: str | None = None) -> Piece:
    """Return the piece of music that a file holds; of a tune book, the first.

    Args:
        path: the file; its suffix names its format.
        track: read only the tracks or parts of this name, case aside; None reads all.

    Raises:
        UnreadableError: it is no readable music, with a reason of one line.
        OSError: the file cannot be opened.
    """
    return read_all(path, track)[0]


def read_all(path: Path, track: str | None = None) -> list[Piece]:
    """Return every piece that a file holds, at least one. Arguments and errors as for ``read``."""
    tunes = [notes for notes in _notes(path, track) if notes]
    if not tunes:
        raise UnreadableError("it holds no notes")
    names = [path.stem] if len(tunes) == 1 else [f"{path.stem} {i + 1}" for i in range(len(tunes))]
    return [
        Piece(name=name, source=str(path), notes=notes)
        for name, notes in zip(names, tunes, strict=True)
    ]


def _notes(path: Path, track: str | None) -> list[tuple[Note, ...]]:
    # music21 takes a second to load, which those who read MIDI alone need not wait for.
    suffix = path.suffix.lower()
    if suffix in MIDI_SUFFIXES:
        from training.reading.midi import read_midi

        return [read_midi(path, track)]
    if suffix in NOTATION_SUFFIXES:
        from training.reading.notation import read_notation

        return read_notation(path, track)
    raise UnreadableError(f"files ending in {suffix or 'nothing'} are not music that is read")
