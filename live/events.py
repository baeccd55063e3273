"""The musical alphabet: one note is one event.

This module is the single source of truth for turning notes into numbers and back. Training,
priming, generation, evaluation and replay all call it, and the table it defines travels inside
every model file, so that a model can never be read with another alphabet than its own.

An event is a row of ``len(FIELDS)`` tokens. The first ``len(PREDICTED)`` of them are what the
network predicts; the rest (the place in the bar) are known from the clock and only given to it.

Times are in ticks of 1/24 beat. ``TIMES`` is exact for every tick of the first four beats, then
keeps the beat's quarters and thirds, then ever less. Errors never add up: a shift is measured
from where the previous note stands *after* rounding.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

ALPHABET_VERSION: Final = 1
TICKS_PER_BEAT: Final = 24

UNKNOWN: Final = 0
"""Token of every field: not notated, not known yet, or hidden from the network on purpose."""
START: Final = 1
"""Token of the instrument field: the event before the first note of a piece."""
END: Final = 2
"""Token of the instrument field: the event after the last note of a piece."""

DRUMS: Final = 128
"""Instrument of MIDI channel 10; 0 to 127 are the General MIDI programs, counted from 0."""

Tokens = npt.NDArray[np.int32]


def _time_table() -> tuple[int, ...]:
    """Return the ascending tick counts that shifts and durations may have."""
    beat = TICKS_PER_BEAT
    quarters_and_thirds = {t for t in range(4 * beat, 8 * beat) if t % 6 == 0 or t % 4 == 0}
    halves_and_thirds = {t for t in range(8 * beat, 16 * beat) if t % 12 == 0 or t % 8 == 0}
    beats = set(range(16 * beat, 32 * beat + 1, beat))
    return tuple(sorted(set(range(4 * beat)) | quarters_and_thirds | halves_and_thirds | beats))


TIMES: Final = _time_table()
MAX_TICKS: Final = TIMES[-1]
"""The longest shift and duration, in ticks. A longer rest is heard as this one."""


@dataclass(frozen=True)
class Field:
    """One column of an event: what each of its tokens stands for."""

    name: str
    values: tuple[int, ...]
    """Ascending; token ``len(specials) + i`` stands for ``values[i]``."""
    specials: tuple[str, ...] = ("UNKNOWN",)
    predicted: bool = True
    _nearest: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A look-up by value: encoding runs millions of times in training and while playing.
        lowest, highest = self.values[0], self.values[-1]
        nearest = tuple(self._search(value) for value in range(lowest, highest + 1))
        object.__setattr__(self, "_nearest", nearest)

    def _search(self, value: int) -> int:
        right = bisect_left(self.values, value)
        if right > 0 and value - self.values[right - 1] <= self.values[right] - value:
            right -= 1
        return len(self.specials) + right

    @property
    def size(self) -> int:
        """Number of tokens, specials included."""
        return len(self.specials) + len(self.values)

    def encode(self, value: int | None) -> int:
        """Return the token of the value nearest to ``value``; UNKNOWN for None."""
        if value is None:
            return UNKNOWN
        clipped = min(max(value, self.values[0]), self.values[-1])
        return self._nearest[clipped - self.values[0]]

    def decode(self, token: int) -> int | None:
        """Return what ``token`` stands for; None for UNKNOWN and the other specials."""
        index = token - len(self.specials)
        return None if index < 0 else self.values[index]

    def round(self, value: int) -> int:
        """Return the value of this field's grid nearest to ``value``."""
        return self.values[self.encode(value) - len(self.specials)]


INSTRUMENT: Final = Field(
    "instrument", tuple(range(DRUMS + 1)), specials=("UNKNOWN", "START", "END")
)
SHIFT: Final = Field("shift", TIMES)
PITCH: Final = Field("pitch", tuple(range(128)))
DURATION: Final = Field("duration", TIMES[1:])
VELOCITY: Final = Field("velocity", tuple(range(2, 128, 4)))
TICK_IN_BEAT: Final = Field("tick_in_beat", tuple(range(TICKS_PER_BEAT)), predicted=False)
BEAT_IN_BAR: Final = Field("beat_in_bar", tuple(range(16)), predicted=False)

FIELDS: Final = (INSTRUMENT, SHIFT, PITCH, DURATION, VELOCITY, TICK_IN_BEAT, BEAT_IN_BAR)
PREDICTED: Final = tuple(f for f in FIELDS if f.predicted)
COLUMN: Final = {f.name: i for i, f in enumerate(FIELDS)}


@dataclass(frozen=True)
class Note:
    """A note on the grid; None stands for what is not known."""

    onset_ticks: int
    pitch: int
    instrument: int | None = None
    duration_ticks: int | None = None
    velocity: int | None = None
    bar_ticks: int | None = None
    """Ticks since the bar began, at the onset."""

    @property
    def sort_key(self) -> tuple[int, int, int]:
        """Order of events: by onset, a chord from its lowest note up."""
        return (self.onset_ticks, self.pitch, -1 if self.instrument is None else self.instrument)


def special_event(token: int) -> Tokens:
    """Return START or END as a row of tokens, shape ``(len(FIELDS),)``."""
    row = np.full(len(FIELDS), UNKNOWN, dtype=np.int32)
    row[COLUMN["instrument"]] = token
    return row


def place_tokens(bar_ticks: int | None) -> tuple[int, int]:
    """Return the tokens of ``tick_in_beat`` and ``beat_in_bar`` for a place in the bar."""
    if bar_ticks is None:
        return (UNKNOWN, UNKNOWN)
    beat, tick = divmod(bar_ticks, TICKS_PER_BEAT)
    known_beat = beat if 0 <= beat < len(BEAT_IN_BAR.values) else None
    return (TICK_IN_BEAT.encode(tick), BEAT_IN_BAR.encode(known_beat))


def encode(notes: Iterable[Note], previous_onset_ticks: int | None = None) -> Tokens:
    """Spell notes as events.

    Args:
        notes: in any order.
        previous_onset_ticks: where the event before the first note stands, as decoded. None: the
            first shift is UNKNOWN.

    Returns:
        int32 array of tokens, shape ``(number of notes, len(FIELDS))``, in the order of
        ``Note.sort_key``.
    """
    rows: list[tuple[int, ...]] = []
    decoded = previous_onset_ticks
    chord_onset = None
    for note in sorted(notes, key=lambda n: n.sort_key):
        if decoded is None:
            shift = UNKNOWN
            decoded = note.onset_ticks
        elif note.onset_ticks == chord_onset:
            shift = SHIFT.encode(0)  # a chord stays one, wherever its first note was rounded to
        else:
            gap = note.onset_ticks - decoded
            shift = SHIFT.encode(gap)
            # A rest beyond the table is cut short: later onsets are measured from the note itself.
            decoded = note.onset_ticks if gap > MAX_TICKS else decoded + SHIFT.round(gap)
        chord_onset = note.onset_ticks
        rows.append(
            (
                INSTRUMENT.encode(note.instrument),
                shift,
                PITCH.encode(note.pitch),
                DURATION.encode(note.duration_ticks),
                VELOCITY.encode(note.velocity),
                *place_tokens(note.bar_ticks),
            )
        )
    return np.array(rows, dtype=np.int32).reshape(-1, len(FIELDS))


def encode_piece(notes: Iterable[Note]) -> Tokens:
    """Spell a whole piece: START, its notes (the first with shift 0), END.

    Returns:
        int32 array of tokens, shape ``(number of notes + 2, len(FIELDS))``.
    """
    ordered = sorted(notes, key=lambda n: n.sort_key)
    body = encode(ordered, ordered[0].onset_ticks if ordered else None)
    return np.concatenate([special_event(START)[None], body, special_event(END)[None]])


def decode_event(row: Sequence[int] | Tokens, previous_onset_ticks: int) -> Note | None:
    """Return the note that a row of tokens spells, or None for START and END.

    Args:
        row: at least the predicted tokens, in the order of ``FIELDS``.
        previous_onset_ticks: where the event before stands. An UNKNOWN shift counts as 0.

    Raises:
        ValueError: the row is a note without a pitch.
    """
    tokens = [int(token) for token in row]
    if tokens[0] in (START, END):
        return None
    pitch = PITCH.decode(tokens[2])
    if pitch is None:
        raise ValueError("an event without a pitch is not a note")
    bar_ticks = None
    if len(tokens) == len(FIELDS):
        tick, beat = TICK_IN_BEAT.decode(tokens[5]), BEAT_IN_BAR.decode(tokens[6])
        if tick is not None and beat is not None:
            bar_ticks = beat * TICKS_PER_BEAT + tick
    return Note(
        onset_ticks=previous_onset_ticks + (SHIFT.decode(tokens[1]) or 0),
        pitch=pitch,
        instrument=INSTRUMENT.decode(tokens[0]),
        duration_ticks=DURATION.decode(tokens[3]),
        velocity=VELOCITY.decode(tokens[4]),
        bar_ticks=bar_ticks,
    )


def decode(events: Tokens, first_onset_ticks: int = 0) -> list[Note]:
    """Return the notes that events spell; START and END are passed over.

    Args:
        events: tokens, shape ``(n, len(FIELDS))`` or ``(n, len(PREDICTED))``.
        first_onset_ticks: where the time before the first event stands.
    """
    notes: list[Note] = []
    onset = first_onset_ticks
    for row in events:
        note = decode_event(row, onset)
        if note is not None:
            notes.append(note)
            onset = note.onset_ticks
    return notes


def alphabet() -> dict[str, Any]:
    """Return the whole alphabet as plain data, as it is stored in a model file."""
    return {
        "version": ALPHABET_VERSION,
        "ticks_per_beat": TICKS_PER_BEAT,
        "fields": [
            {
                "name": f.name,
                "specials": list(f.specials),
                "values": list(f.values),
                "predicted": f.predicted,
            }
            for f in FIELDS
        ],
    }
