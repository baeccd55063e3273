"""Drawing the model's next note, with what is not allowed ruled out inside the sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from live.core import bounds
from live.core.bounds import Own
from live.core.guard import heated
from live.core.haste import calming_bias
from live.core.memory import Memory
from live.core.orchestra import balance_bias, ensemble
from live.core.portrait import Portrait
from live.core.settings import Current
from live.core.steering import length_bias, steering_bias
from live.events import (
    COLUMN,
    DRUMS,
    DURATION,
    END,
    INSTRUMENT,
    MAX_TICKS,
    PREDICTED,
    SHIFT,
    TICKS_PER_BEAT,
    UNKNOWN,
    VELOCITY,
    Note,
    Tokens,
    decode_event,
)
from live.prediction import (
    FIELD_SLICE,
    FORBIDDEN,
    FREE,
    TOKEN_COUNT,
    Floats,
    Prediction,
    draw_noise,
)

LONGEST_REST_BEATS: Final = bounds.LONGEST_REST_TICKS // TICKS_PER_BEAT
LARGEST_CHORD: Final = 8
"""Notes that begin at once, of each instrument."""
KNOWN_SHARE: Final = 0.5
"""The network knows how loud a note is where it finds it as likely as this to be near the player's
dynamics. Where it was not taught dynamics, it finds all velocities about as likely."""
NOTHING: Final = Own()
_TOGETHER: Final = SHIFT.encode(0)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the next note."""

    number: tuple[int, int, int]
    """Speech, revision, and draw within it: with the seed, this fixes the random draw."""
    previous_tick: int
    """Where the latest note stands, the player's or the model's."""
    chord: tuple[tuple[int, int], ...] = ()
    """Pitch and instrument of the notes that stand there already, lowest first."""
    own: Own = NOTHING
    """The model's notes that bounds count."""
    onset_tick: int | None = None
    """Where the note has to stand; None: the network decides."""
    earliest_tick: int | None = None
    """Where the note may stand at the earliest; None: where the latest note stands."""
    may_end: bool = False
    """Whether the network may end the piece instead."""
    heat: int = 0
    """Of a loop that has to be left, see ``live.core.guard``."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A note of the model's."""

    note: Note
    """As the network goes on from it."""
    sounds_ticks: int
    """How long it is heard."""


class Drawer:
    """Asks the memory's network for notes; each request gives the same note at the same memory."""

    def __init__(self, current: Current, memory: Memory, portrait: Portrait) -> None:
        self._current = current
        self._memory = memory
        self._portrait = portrait

    def draw(self, request: Request) -> Drawn | None:
        """Return the next note, or None where the network ends the piece."""
        most = LARGEST_CHORD * len(ensemble(self._current.now))
        drawn = self._draw_once(request, may_join=len(request.chord) < most)
        if drawn is not None and self._breaks_chord(drawn.note, request):
            drawn = self._draw_once(request, may_join=False)
        return drawn

    def _breaks_chord(self, note: Note, request: Request) -> bool:
        """Whether the note is none of its chord's: chords are spelled from the lowest note up."""
        joins = bool(request.chord) and note.onset_ticks == request.previous_tick
        return joins and note.sort_key[1:] <= request.chord[-1]

    def draw_duration(self, event: Tokens, least_ticks: int, number: tuple[int, int]) -> int:
        """Return a duration for the event that comes next, (F,), ``least_ticks`` at least."""
        s = self._current.now
        forced = event[: len(PREDICTED)].copy()
        forced[COLUMN["duration"]] = FREE
        bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
        shortest = min(DURATION.encode(least_ticks), DURATION.size - 1)
        bias[FIELD_SLICE["duration"]][:shortest] = FORBIDDEN
        noise = self._noise(number)
        drawn = self._memory.predict(noise, bias, forced, s.temperature, s.min_p).event
        return max(least_ticks, DURATION.decode(int(drawn[COLUMN["duration"]])) or 0)

    def _noise(self, number: tuple[int, ...]) -> Floats:
        # A generator for each note: planning ahead and going back do not change the music.
        key = (self._current.now.seed, *(n % 2**32 for n in number))
        return draw_noise(np.random.default_rng(key))

    def _draw_once(self, request: Request, *, may_join: bool) -> Drawn | None:
        s = self._current.now
        bias = steering_bias(s, self._portrait.register) + self._calming_bias(request)
        forced: Tokens = np.full(len(PREDICTED), FREE, dtype=np.int32)
        self._bound_instrument(bias, request.may_end)
        onset_tick = self._bound_onset(bias, forced, request, may_join)
        bias[FIELD_SLICE["duration"]][UNKNOWN] = FORBIDDEN
        level = self._portrait.velocity(s)
        self._bound_velocity(bias, forced, level)
        any_pitch = bias.copy()  # a drum's number is no pitch: key and range do not bound it
        any_pitch[FIELD_SLICE["pitch"]][:] = 0.0
        any_pitch[FIELD_SLICE["pitch"].start + UNKNOWN] = FORBIDDEN
        pitches = bounds.allowed_pitches(s, bounds.lock_of(s, self._portrait.key))
        bias[FIELD_SLICE["pitch"]][~pitches] = FORBIDDEN
        noise = self._noise(request.number)
        temperature, min_p = heated(s.temperature, s.min_p, request.heat)
        drawn = self._memory.predict(noise, bias, forced, temperature, min_p)
        if len(ensemble(s)) > 1:
            part = FIELD_SLICE["instrument"]
            more = balance_bias(s, drawn.logits[-1, part])
            for each in (bias, any_pitch):
                each[part] += more
            drawn = self._memory.predict(noise, bias, forced, temperature, min_p)
        if drawn.event[COLUMN["instrument"]] == INSTRUMENT.encode(DRUMS):
            # What comes before the pitch is settled; the rest is drawn under a drum's bounds.
            forced[: COLUMN["pitch"]] = drawn.event[: COLUMN["pitch"]]
            drawn = self._memory.predict(noise, any_pitch, forced, temperature, min_p)
        note = decode_event(drawn.event, request.previous_tick)
        sounds_ticks = None if note is None else note.duration_ticks
        if note is None or sounds_ticks is None:
            return None
        note = replace(note, velocity=self._velocity(drawn, forced, level))
        if s.length:
            given = drawn.event.copy()
            given[COLUMN["duration"]] = FREE
            longer = self._memory.predict(noise, length_bias(s), given, temperature, min_p)
            sounds_ticks = DURATION.decode(int(longer.event[COLUMN["duration"]])) or sounds_ticks
        if onset_tick is not None:  # settled before; a shift may only come close to it
            note = replace(note, onset_ticks=onset_tick)
        return Drawn(note, sounds_ticks)

    def _calming_bias(self, request: Request) -> Floats:
        own = request.own
        players = self._portrait.busiest(own.tick_s * TICKS_PER_BEAT)
        return calming_bias(own.onsets, request.previous_tick, own.tick_s, players)

    def _bound_instrument(self, bias: Floats, may_end: bool) -> None:
        allowed = [INSTRUMENT.encode(each) for each in ensemble(self._current.now)]
        part = bias[FIELD_SLICE["instrument"]]
        part[:] = FORBIDDEN
        part[[*allowed, END] if may_end else allowed] = 0.0

    def _bound_onset(
        self, bias: Floats, forced: Tokens, request: Request, may_join: bool
    ) -> int | None:
        """Rule out shifts; return the onset where it is settled before anything is drawn."""
        s, previous = self._current.now, request.previous_tick
        earliest = previous if request.earliest_tick is None else request.earliest_tick
        if request.onset_tick is not None:
            onset = bounds.first_free_tick(s, request.own, request.onset_tick)
        else:
            allowed = bounds.allowed_shifts(s, request.own, previous, max(earliest, previous))
            if not may_join and allowed[_TOGETHER]:
                after = max(earliest, previous + 1)
                allowed = bounds.allowed_shifts(s, request.own, previous, after)
            if allowed.any():
                bias[FIELD_SLICE["shift"]][~allowed] = FORBIDDEN
                return None
            onset = bounds.first_free_tick(s, request.own, max(earliest, previous + MAX_TICKS))
        forced[COLUMN["shift"]] = SHIFT.encode(onset - previous)
        return onset

    def _bound_velocity(self, bias: Floats, forced: Tokens, level: int) -> None:
        allowed = self._allowed_velocities(level)
        if self._current.now.velocity == "player" or not allowed.any():
            forced[COLUMN["velocity"]] = VELOCITY.encode(level)
        bias[FIELD_SLICE["velocity"]][~allowed] = FORBIDDEN

    def _velocity(self, drawn: Prediction, forced: Tokens, level: int) -> int | None:
        """Return how loud a note is: as it was drawn, or at a level where that says nothing."""
        follows = forced[COLUMN["velocity"]] != FREE
        if self._current.now.velocity == "auto" and not follows:
            logits = drawn.logits[-1, FIELD_SLICE["velocity"]].astype(np.float64)
            p = np.exp(logits - logits.max())
            near = p[self._allowed_velocities(level)].sum()
            follows = near < KNOWN_SHARE * p[UNKNOWN + 1 :].sum()
        return level if follows else VELOCITY.decode(int(drawn.event[COLUMN["velocity"]]))

    def _allowed_velocities(self, level: int) -> bounds.Mask:
        s = self._current.now
        return bounds.allowed_velocities(s, None if s.velocity == "model" else level)
