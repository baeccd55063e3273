"""Drawing the model's next note, with what is not allowed ruled out inside the sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from live.core.memory import Memory
from live.core.settings import Current
from live.events import (
    COLUMN,
    DURATION,
    END,
    INSTRUMENT,
    PITCH,
    PREDICTED,
    SHIFT,
    TICKS_PER_BEAT,
    UNKNOWN,
    Note,
    Tokens,
    decode_event,
)
from live.model import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, Floats, draw_noise

LONGEST_REST_BEATS = 2
LARGEST_CHORD = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the next note."""

    number: tuple[int, int, int]
    """Speech, revision, and draw within it: with the seed, this fixes the random draw."""
    previous_tick: int
    """Where the latest note stands, the player's or the model's."""
    chord: tuple[int, ...] = ()
    """Pitches that stand there already, lowest first."""
    onset_tick: int | None = None
    """Where the note has to stand; None: the network decides."""
    earliest_tick: int | None = None
    """Where the note may stand at the earliest; None: where the latest note stands."""
    may_end: bool = False
    """Whether the network may end the piece instead."""


class Drawer:
    """Asks the memory's network for notes; each request gives the same note at the same memory."""

    def __init__(self, current: Current, memory: Memory) -> None:
        self._current = current
        self._memory = memory

    def draw(self, request: Request) -> Note | None:
        """Return the next note, its velocity unknown, or None where the network ends the piece."""
        bias = self._fixed_bias()
        if not request.may_end:
            bias[FIELD_SLICE["instrument"].start + END] = FORBIDDEN
        together = FIELD_SLICE["shift"].start + SHIFT.encode(0)
        if len(request.chord) >= LARGEST_CHORD:
            bias[together] = FORBIDDEN
        if request.earliest_tick is not None:
            self._allow_only_from(bias, request.earliest_tick - request.previous_tick)
        note = self._draw_once(request, bias)
        if note is not None and self._breaks_chord(note, request):
            bias[together] = FORBIDDEN
            note = self._draw_once(request, bias)
        return note

    def _allow_only_from(self, bias: Floats, least_ticks: int) -> None:
        """Rule out shifts below some ticks; the bound on rests gives way where it has to."""
        if least_ticks <= 0:
            return
        shift = bias[FIELD_SLICE["shift"]]
        first = SHIFT.encode(least_ticks)
        if (SHIFT.decode(first) or 0) < least_ticks and first + 1 < SHIFT.size:
            first += 1
        shift[:first] = FORBIDDEN
        shift[first : first + 1] = 0.0

    def _breaks_chord(self, note: Note, request: Request) -> bool:
        """Whether the note is none of its chord's: chords are spelled from the lowest note up."""
        joins = bool(request.chord) and note.onset_ticks == request.previous_tick
        return joins and note.pitch <= request.chord[-1]

    def draw_duration(self, position: int, least_ticks: int, number: tuple[int, int]) -> int:
        """Return a duration for the note at a row of the memory, ``least_ticks`` at least."""
        s = self._current.now
        forced = self._memory.row(position)[: len(PREDICTED)].copy()
        forced[COLUMN["duration"]] = FREE
        bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
        shortest = min(DURATION.encode(least_ticks), DURATION.size - 1)
        bias[FIELD_SLICE["duration"]][:shortest] = FORBIDDEN
        noise = self._noise(number)
        event = self._memory.predict(noise, bias, forced, s.temperature, s.min_p, position)
        return max(least_ticks, DURATION.decode(int(event[COLUMN["duration"]])) or 0)

    def _noise(self, number: tuple[int, ...]) -> Floats:
        # A generator for each note: planning ahead and going back do not change the music.
        key = (self._current.now.seed, *(n % 2**32 for n in number))
        return draw_noise(np.random.default_rng(key))

    def _draw_once(self, request: Request, bias: Floats) -> Note | None:
        s = self._current.now
        forced: Tokens = np.full(len(PREDICTED), FREE, dtype=np.int32)
        forced[COLUMN["velocity"]] = UNKNOWN
        if request.onset_tick is not None:
            forced[COLUMN["shift"]] = SHIFT.encode(request.onset_tick - request.previous_tick)
        noise = self._noise(request.number)
        event = self._memory.predict(noise, bias, forced, s.temperature, s.min_p)
        return decode_event(event, request.previous_tick)

    def _fixed_bias(self) -> Floats:
        """Rule out what may never be drawn: the unknown, other instruments, other registers."""
        s = self._current.now
        bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
        instrument = bias[FIELD_SLICE["instrument"]]
        instrument[:] = FORBIDDEN
        instrument[[END, INSTRUMENT.encode(s.instrument)]] = 0.0
        shift = bias[FIELD_SLICE["shift"]]
        shift[UNKNOWN] = FORBIDDEN
        shift[SHIFT.encode(LONGEST_REST_BEATS * TICKS_PER_BEAT) + 1 :] = FORBIDDEN
        pitch = bias[FIELD_SLICE["pitch"]]
        pitch[: PITCH.encode(s.lowest_pitch)] = FORBIDDEN
        pitch[PITCH.encode(s.highest_pitch) + 1 :] = FORBIDDEN
        bias[FIELD_SLICE["duration"]][UNKNOWN] = FORBIDDEN
        return bias
