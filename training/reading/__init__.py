"""Reads a file of music, whatever its format, as notes on the alphabet's grid."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.pieces import Piece
from training.reading.errors import UnreadableError
from training.reading.midi import read_midi

__all__ = ["READER_VERSION", "SUFFIXES", "UnreadableError", "read"]

READER_VERSION: Final = 1
"""Raised whenever the same file would be read as other notes, so that no cache keeps the old."""

MIDI_SUFFIXES: Final = frozenset({".mid", ".midi"})
SUFFIXES: Final = MIDI_SUFFIXES
"""Endings of the file names that are music, in lower case."""


def read(path: Path, track: str | None = None) -> Piece:
    """Return the piece of music that a file holds.

    Args:
        path: the file; its suffix names its format.
        track: read only the tracks or parts of this name, case aside; None reads all.

    Raises:
        UnreadableError: it is no readable music, with a reason of one line.
        OSError: the file cannot be opened.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableError(f"files ending in {suffix or 'nothing'} are not music that is read")
    notes = read_midi(path, track)
    if not notes:
        raise UnreadableError("it holds no notes")
    return Piece(name=path.stem, source=str(path), notes=notes)
