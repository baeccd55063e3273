"""How windows are varied in training: moved, stretched, disturbed, and partly hidden.

All of it works on whole batches of tokens. Shapes: B batch, T time, F all fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.events import (
    BEAT_IN_BAR,
    COLUMN,
    DRUMS,
    DURATION,
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
)

Windows = npt.NDArray[np.int32]

LOWEST, HIGHEST = PITCH.encode(21), PITCH.encode(108)
"""Tokens of the ends of a piano's keyboard."""
NOT_IN_TIME: Final = 0.2
"""Share of the notes of a disturbed window that are a tick early or late."""
LEFT_OUT: Final = 0.05
"""Share of the notes of a window with gaps that are left out."""
_SHIFTS: Final = np.array([SHIFT.encode(ticks) for ticks in range(MAX_TICKS + 1)], np.int32)
"""Token of a shift, by ticks."""


@dataclass(frozen=True)
class Variation:
    """How windows are varied in training. Shares are probabilities; every draw is independent.

    What is hidden is hidden from the input only; the network is still asked for it. So it has met
    all that may be missing when it plays: keyboards whose velocity says nothing, a note still held
    and so without duration, no bar to keep to, an instrument nobody named.
    """

    transpose: int = 6
    """The most semitones up and down. Drums stay."""
    velocity_shift: int = 3
    """The most steps of the velocity's scale up and down."""
    stretch: float = 0.1
    """Share of windows in half or double the note values, where the grid allows."""
    timing_noise: float = 0.2
    """Share of windows with notes a tick early or late."""
    drop: float = 0.1
    """Share of windows with notes left out."""
    reduce: float = 0.5
    """Share of windows taken from the reduction for keyboard."""
    hide_instrument: float = 0.1
    hide_place: float = 0.15
    hide_velocity: float = 0.3
    hide_durations: float = 0.05
    """Share of windows whose field is hidden as a whole."""
    hide_duration: float = 0.05
    hide_shift: float = 0.01
    """Share of events whose field is hidden."""
    held: float = 0.5
    """Share of windows in which up to ``held_most`` notes in a row have no duration yet."""
    held_most: int = 6


def vary(windows: Windows, variation: Variation, random: np.random.Generator) -> Windows:
    """Vary windows (B, T, F) in all ways that input and targets share."""
    windows = transpose(windows, variation.transpose, random)
    windows = shift_velocity(windows, variation.velocity_shift, random)
    windows = stretch(windows, variation.stretch, random)
    return disturb(windows, variation.timing_noise, variation.drop, random)


def transpose(windows: Windows, most: int, random: np.random.Generator) -> Windows:
    """Transpose each window (B, T, F) by up to ``most`` semitones, within the keyboard.

    Where drums sound with other instruments, the order within a chord may then be another than
    ``live.events.encode`` gives; that happens in both of a performer's worlds and does no harm.
    """
    pitch = windows[..., COLUMN["pitch"]]
    drums = windows[..., COLUMN["instrument"]] == INSTRUMENT.encode(DRUMS)
    moved = (pitch != UNKNOWN) & ~drums
    lowest = np.where(moved, pitch, HIGHEST).min(axis=1)
    highest = np.where(moved, pitch, LOWEST).max(axis=1)
    amount = random.integers(-most, most + 1, size=len(windows))
    # Music that is beyond the keyboard already must not move further out.
    amount = np.clip(amount, np.minimum(LOWEST - lowest, 0), np.maximum(HIGHEST - highest, 0))
    varied = windows.copy()
    varied[..., COLUMN["pitch"]] += np.where(moved, amount[:, None], 0).astype(np.int32)
    return varied


def shift_velocity(windows: Windows, most: int, random: np.random.Generator) -> Windows:
    """Make each window (B, T, F) louder or softer by up to ``most`` velocity steps."""
    velocity = windows[..., COLUMN["velocity"]]
    amount = random.integers(-most, most + 1, size=(len(windows), 1))
    shifted = np.clip(velocity + amount, 1, VELOCITY.size - 1)
    varied = windows.copy()
    varied[..., COLUMN["velocity"]] = np.where(velocity == UNKNOWN, UNKNOWN, shifted)
    return varied


def stretch(windows: Windows, share: float, random: np.random.Generator) -> Windows:
    """Halve or double the note values of some windows (B, T, F).

    A window whose onsets would leave the grid stays as it is. The beat in the bar is no longer
    known afterwards, since a bar's length is not; the place in the beat is.
    """
    chosen = random.random(len(windows)) < share
    slower = random.random(len(windows)) < 0.5
    varied = windows.copy()
    for which, up, down in ((chosen & slower, 2, 1), (chosen & ~slower, 1, 2)):
        shifts, exact = _scaled(SHIFT, up, down)
        durations, _ = _scaled(DURATION, up, down)
        places = _scaled_places(up, down)
        rows = np.flatnonzero(which)
        rows = rows[exact[windows[rows][..., COLUMN["shift"]]].all(axis=1)]
        part = windows[rows]
        tick, beat = part[..., COLUMN["tick_in_beat"]], part[..., COLUMN["beat_in_bar"]]
        part[..., COLUMN["tick_in_beat"]] = places[beat, tick]
        part[..., COLUMN["beat_in_bar"]] = UNKNOWN
        part[..., COLUMN["shift"]] = shifts[part[..., COLUMN["shift"]]]
        part[..., COLUMN["duration"]] = durations[part[..., COLUMN["duration"]]]
        varied[rows] = part
    return varied


def _scaled(field: Field, up: int, down: int) -> tuple[Windows, npt.NDArray[np.bool_]]:
    """Return, by token, the token of ``up / down`` times its value, and whether that is exact."""
    tokens, exact = [UNKNOWN], [True]
    for value in field.values:
        scaled = field.encode(value * up // down)
        tokens.append(scaled)
        exact.append((field.decode(scaled) or 0) * down == value * up)
    return np.array(tokens, np.int32), np.array(exact)


def _scaled_places(up: int, down: int) -> Windows:
    """Return the new token of the place in the beat, by the tokens of beat and place."""
    places = np.full((BEAT_IN_BAR.size, TICK_IN_BEAT.size), UNKNOWN, np.int32)
    for beat in BEAT_IN_BAR.values:
        for tick in TICK_IN_BEAT.values:
            place = (beat * TICKS_PER_BEAT + tick) * up // down
            places[BEAT_IN_BAR.encode(beat), TICK_IN_BEAT.encode(tick)] = TICK_IN_BEAT.encode(
                place % TICKS_PER_BEAT
            )
    return places


def disturb(windows: Windows, noise: float, drop: float, random: np.random.Generator) -> Windows:
    """Play some notes of some windows (B, T, F) a tick early or late, and leave some out.

    Args:
        windows: unvaried in time or stretched.
        noise: share of windows with notes a tick early or late.
        drop: share of windows with notes left out; what follows moves up.
        random: of this batch.
    """
    shape = windows.shape[:2]
    noisy = (random.random((len(windows), 1)) < noise) & (random.random(shape) < NOT_IN_TIME)
    late = np.where(noisy, random.choice([-1, 1], size=shape), 0)
    late[:, :2] = 0  # START, and the note that the others are measured from
    dropped = (random.random((len(windows), 1)) < drop) & (random.random(shape) < LEFT_OUT)
    rows = np.flatnonzero((late != 0).any(axis=1) | dropped.any(axis=1))
    varied = windows.copy()
    varied[rows] = _spell_anew(windows[rows], late[rows], dropped[rows])
    return varied


def _spell_anew(windows: Windows, late: npt.NDArray[Any], dropped: npt.NDArray[Any]) -> Windows:
    """Return windows whose notes are ``late`` by so many ticks or dropped, each (B, T)."""
    notes = windows[..., COLUMN["pitch"]] != UNKNOWN
    starts = windows[..., COLUMN["instrument"]] == START
    ticks = np.array([0, *SHIFT.values])[windows[..., COLUMN["shift"]]]
    onsets = np.cumsum(ticks, axis=1) + np.where(notes, late, 0)
    moved = np.where((notes & ~dropped)[..., None], _moved(windows, late), windows)
    moved[notes & dropped] = UNKNOWN
    # START, then the notes, then END, then nothing; the rest of the order is that of events.
    rank = np.where(starts, 0, np.where(~notes, 2, np.where(dropped, 3, 1)))
    order = np.lexsort((moved[..., COLUMN["pitch"]], onsets, rank), axis=-1)
    spelled = np.take_along_axis(moved, order[..., None], axis=1)
    onsets, rank = np.take_along_axis(onsets, order, 1), np.take_along_axis(rank, order, 1)
    shifts = _SHIFTS[np.clip(np.diff(onsets, axis=1, prepend=onsets[:, :1]), 0, MAX_TICKS)]
    first = (rank == 1) & (np.cumsum(rank == 1, axis=1) == 1)
    before = np.where(starts[:, :1], SHIFT.encode(0), windows[:, :1, COLUMN["shift"]])
    column = spelled[..., COLUMN["shift"]]
    spelled[..., COLUMN["shift"]] = np.where(first, before, np.where(rank == 1, shifts, column))
    return spelled


def _moved(windows: Windows, late: npt.NDArray[Any]) -> Windows:
    """Return windows with the place of notes moved by ``late`` ticks (B, T), where it is known."""
    moved = windows.copy()
    tick, beat = windows[..., COLUMN["tick_in_beat"]], windows[..., COLUMN["beat_in_bar"]]
    known = tick != UNKNOWN
    place = tick - TICK_IN_BEAT.encode(0) + late
    around = (place < 0) | (place >= TICKS_PER_BEAT)
    moved[..., COLUMN["tick_in_beat"]] = np.where(
        known, TICK_IN_BEAT.encode(0) + place % TICKS_PER_BEAT, tick
    )
    # Which beat comes after the last of a bar is not known here.
    moved[..., COLUMN["beat_in_bar"]] = np.where(known & around, UNKNOWN, beat)
    return moved


def hide(events: Windows, variation: Variation, random: np.random.Generator) -> Windows:
    """Replace some fields of the input (B, T, F) by UNKNOWN."""
    batch, steps = events.shape[:2]

    def of_windows(share: float) -> npt.NDArray[np.bool_]:
        return random.random((batch, 1)) < share

    def of_events(share: float) -> npt.NDArray[np.bool_]:
        return random.random((batch, steps)) < share

    first = random.integers(steps, size=(batch, 1))
    count = random.integers(1, variation.held_most + 1, size=(batch, 1))
    distance = np.arange(steps) - first
    held = of_windows(variation.held) & (distance >= 0) & (distance < count)
    special = events[..., COLUMN["pitch"]] == UNKNOWN  # START stays what it is
    place = of_windows(variation.hide_place)
    hidden = {
        "instrument": of_windows(variation.hide_instrument) & ~special,
        "shift": of_events(variation.hide_shift),
        "duration": of_windows(variation.hide_durations)
        | of_events(variation.hide_duration)
        | held,
        "velocity": of_windows(variation.hide_velocity),
        "tick_in_beat": place,
        "beat_in_bar": place,
    }
    varied = events.copy()
    for name, mask in hidden.items():
        column = varied[..., COLUMN[name]]
        column[np.broadcast_to(mask, column.shape)] = UNKNOWN
    return varied
