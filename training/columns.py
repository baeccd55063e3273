"""Notes as columns: millions of them in little memory, turned into tokens without a loop.

What a token means is said by ``live.events`` alone; the tables below are made of its fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.events import (
    BEAT_IN_BAR,
    COLUMN,
    DURATION,
    END,
    FIELDS,
    INSTRUMENT,
    MAX_TICKS,
    PITCH,
    SHIFT,
    START,
    TICK_IN_BEAT,
    TICKS_PER_BEAT,
    UNKNOWN,
    VELOCITY,
    Field,
    Note,
    Tokens,
    special_event,
)

NOTE: Final = np.dtype(
    [
        ("onset_ticks", "<i4"),
        ("duration_ticks", "<i4"),
        ("pitch", "<i2"),
        ("instrument", "<i2"),
        ("velocity", "<i2"),
        ("bar_ticks", "<i2"),
    ]
)
"""One note, 16 bytes."""
NOT_KNOWN: Final = -1
"""Stands for None in every column."""
NAMES: Final = ("onset_ticks", "pitch", "instrument", "duration_ticks", "velocity", "bar_ticks")
"""The columns in the order of the fields of ``live.events.Note``."""

Columns = npt.NDArray[Any]
"""Array of ``NOTE``, shape ``(notes,)``, in the order of ``Note.sort_key``."""


def columns_of(notes: Iterable[Note]) -> Columns:
    """Return notes as columns, in the order of ``Note.sort_key``."""
    ordered = sorted(notes, key=lambda note: note.sort_key)
    columns = np.empty(len(ordered), dtype=NOTE)
    for name in NAMES:
        values = [getattr(note, name) for note in ordered]
        columns[name] = [NOT_KNOWN if value is None else value for value in values]
    return columns


def notes_of(columns: Columns) -> tuple[Note, ...]:
    """Return columns as notes."""
    rows = zip(*(columns[name].tolist() for name in NAMES), strict=True)
    return tuple(
        Note(onset, pitch, *(None if value == NOT_KNOWN else value for value in others))
        for onset, pitch, *others in rows
    )


def encode_columns(columns: Columns) -> Tokens:
    """Spell a whole piece; the same tokens as ``live.events.encode_piece``, many times as fast.

    Args:
        columns: the notes of one piece.

    Returns:
        int32 array of tokens, shape ``(notes + 2, len(FIELDS))``.
    """
    tokens = np.empty((len(columns) + 2, len(FIELDS)), dtype=np.int32)
    tokens[0], tokens[-1] = special_event(START), special_event(END)
    body = tokens[1:-1]
    body[:, COLUMN["instrument"]] = _encode(INSTRUMENT, columns["instrument"])
    body[:, COLUMN["shift"]] = _shifts(columns["onset_ticks"])
    body[:, COLUMN["pitch"]] = _encode(PITCH, columns["pitch"])
    body[:, COLUMN["duration"]] = _encode(DURATION, columns["duration_ticks"])
    body[:, COLUMN["velocity"]] = _encode(VELOCITY, columns["velocity"])
    bar = columns["bar_ticks"].astype(np.int32)
    beat, tick = np.divmod(bar, TICKS_PER_BEAT)
    beat[beat > BEAT_IN_BAR.values[-1]] = NOT_KNOWN
    body[:, COLUMN["tick_in_beat"]] = _encode(TICK_IN_BEAT, np.where(bar < 0, NOT_KNOWN, tick))
    body[:, COLUMN["beat_in_bar"]] = _encode(BEAT_IN_BAR, beat)
    return tokens


def _encode(field: Field, values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Return the tokens of a column's values."""
    lowest, highest = field.values[0], field.values[-1]
    tokens = _TABLES[field.name][np.clip(values, lowest, highest) - lowest]
    return np.where(values == NOT_KNOWN, np.int32(UNKNOWN), tokens)


_TABLES: Final = {
    field.name: np.array(
        [field.encode(value) for value in range(field.values[0], field.values[-1] + 1)],
        dtype=np.int32,
    )
    for field in FIELDS
}
"""The token of every value from the least to the greatest, of each field."""
_IS_EXACT: Final = np.array([SHIFT.round(ticks) == ticks for ticks in range(MAX_TICKS + 1)])
"""Whether a shift of so many ticks is one of the table's."""


def _shifts(onsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the tokens of the shifts between onsets, the first of them 0.

    A shift is measured from where the note before stands after rounding. Short ones are exact, so
    that it matters only after a long one: those are followed one by one until the error is gone.
    """
    if not len(onsets):
        return np.empty(0, dtype=np.int32)
    chords = np.flatnonzero(np.diff(onsets, prepend=onsets[0] - 1))  # the first note of each
    starts = onsets[chords]
    gaps = np.diff(starts, prepend=starts[0])
    shifts = _encode(SHIFT, gaps)
    inexact = np.flatnonzero(~_IS_EXACT[np.minimum(gaps, MAX_TICKS)] & (gaps <= MAX_TICKS))
    done = 0
    for index in inexact.tolist():
        error = 0  # how far the note before stands from its onset
        while index >= done and index < len(gaps):
            gap = int(gaps[index]) - error
            shifts[index] = SHIFT.encode(gap)
            error = 0 if gap > MAX_TICKS else error + SHIFT.round(gap) - int(gaps[index])
            index += 1
            if error == 0:
                break
        done = max(done, index)
    tokens = np.full(len(onsets), SHIFT.encode(0), dtype=np.int32)
    tokens[chords] = shifts
    return tokens
