"""Bounds that are always kept: what may be drawn at all, as masks for the sampling.

A mask rules values out before anything is drawn; no note is moved or dropped afterwards. Bounds are
on the model's own notes: what the player plays meanwhile counts for none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.core.haste import unhurried_tick
from live.core.keys import FOLLOW, key_pitch_classes, pitch_classes
from live.core.settings import PerformerSettings
from live.events import PITCH, SHIFT, TICKS_PER_BEAT, VELOCITY

LONGEST_REST_TICKS: Final = 2 * TICKS_PER_BEAT
"""The model rests no longer, unless a bound leaves it no other way."""
SHADING: Final = 12
"""A velocity that the network draws keeps this close to the player's dynamics."""

Mask = npt.NDArray[np.bool_]
_SHIFT_TICKS: Final = np.array(SHIFT.values)
_PITCHES: Final = np.array(PITCH.values)
_VELOCITIES: Final = np.array(VELOCITY.values)


@dataclass(frozen=True, slots=True)
class Own:
    """The model's notes that sound or began lately, in ticks; bounds count them."""

    onsets: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()
    tick_s: float = 0.0
    """Length of a tick, seconds; 0: haste is not looked at."""


def lock_of(settings: PerformerSettings, player_key: int) -> frozenset[int] | None:
    """Return the pitch classes that the model may play; None: all.

    Args:
        settings: ``key`` of them.
        player_key: the key of what the player played lately, -1 if there is none.
    """
    if settings.key == FOLLOW:
        return None if player_key < 0 else key_pitch_classes(player_key)
    return pitch_classes(settings.key) if settings.key else None


def allowed_pitches(settings: PerformerSettings, lock: frozenset[int] | None) -> Mask:
    """Return which tokens of the pitch may be drawn for an instrument that has pitches, (size,)."""
    inside = _between(_PITCHES, settings.lowest_pitch, settings.highest_pitch)
    if lock is not None:
        inside &= np.isin(_PITCHES % 12, list(lock))
    return np.concatenate([[False], inside])


def allowed_velocities(settings: PerformerSettings, near: int | None) -> Mask:
    """Return which tokens of the velocity may be drawn, (size,); none if the range has none.

    ``near`` is a velocity that they keep close to; None: they need not.
    """
    inside = _between(_VELOCITIES, settings.lowest_velocity, settings.highest_velocity)
    if near is not None:
        inside &= _between(_VELOCITIES, near - SHADING, near + SHADING)
    return np.concatenate([[False], inside])


def allowed_shifts(
    settings: PerformerSettings, own: Own, previous_tick: int, earliest_tick: int
) -> Mask:
    """Return which tokens of the shift may be drawn, (size,).

    Rests beyond ``LONGEST_REST_TICKS`` are ruled out, but for the shortest where there is no other
    way. All False: no shift leads to where a note may stand; see ``first_free_tick``.

    Args:
        settings: ``notes_per_beat`` and ``voices`` of them.
        own: the notes that count.
        previous_tick: where the shift is counted from.
        earliest_tick: where a note may stand at the earliest.
    """
    ticks = previous_tick + _SHIFT_TICKS
    free = (ticks >= earliest_tick) & _is_free(settings, own, ticks)
    short = free & (_SHIFT_TICKS <= LONGEST_REST_TICKS)
    if not short.any() and free.any():
        short[np.argmax(free)] = True
    return np.concatenate([[False], short])


def first_free_tick(settings: PerformerSettings, own: Own, from_tick: int) -> int:
    """Return the first tick from one on where one more note keeps all bounds."""
    later = [*own.ends, *(onset + TICKS_PER_BEAT for onset in own.onsets)]
    later.append(unhurried_tick(own.onsets, own.tick_s))
    ticks = np.unique(np.ceil([from_tick, *(tick for tick in later if tick > from_tick)]))
    return int(ticks[np.argmax(_is_free(settings, own, ticks))])


def _is_free(settings: PerformerSettings, own: Own, ticks: npt.NDArray[Any]) -> Mask:
    """Whether one more note may begin at each of some ticks, none of them before ``own``'s."""
    free = np.ones(len(ticks), dtype=np.bool_)
    if settings.voices:
        free &= _count_beyond(own.ends, ticks) < settings.voices
    if settings.notes_per_beat:
        # No beat holds more, wherever it is thought to begin.
        free &= _count_beyond(own.onsets, ticks - TICKS_PER_BEAT) < settings.notes_per_beat
    # A note that joins the latest ones hurries nothing.
    free &= (ticks == max(own.onsets, default=-1)) | (
        ticks >= unhurried_tick(own.onsets, own.tick_s)
    )
    return free


def _between(values: npt.NDArray[np.int64], low: int, high: int) -> Mask:
    return np.asarray((values >= low) & (values <= high))


def _count_beyond(moments: tuple[float, ...], ticks: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return how many moments lie beyond each tick."""
    return len(moments) - np.searchsorted(np.sort(moments), ticks, side="right")
