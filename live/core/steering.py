"""Steering: what leans the draws one way, as biases on the network's logits.

Each of the four goes from -1 to 1; 0 changes nothing. A bias is a tilt over the field's values that
levels out at both ends: however long it works, and although the network hears what it has played
and goes on from there, it does not carry the music away to the end of the keyboard.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from live.core.settings import PerformerSettings
from live.events import DURATION, PITCH, SHIFT, TICKS_PER_BEAT, VELOCITY
from live.prediction import FIELD_SLICE, TOKEN_COUNT, Floats

DENSITY: Final = 1.0
"""Nats for each halving of the time to the next note."""
PITCH_OCTAVE: Final = 0.6
"""Nats for each octave, up to two away from where the player plays."""
LOUDNESS: Final = 1.0
"""Nats for each 16 of velocity."""
LENGTH: Final = 1.5
"""Nats for each doubling of the length."""
_SHORTEST_TICKS: Final = 3
_LONGEST_TICKS: Final = 96
"""A 32nd and a bar of four beats: beyond these the tilt of times levels out."""


def _octaves_of_time(values: tuple[int, ...]) -> Floats:
    ticks = np.clip(np.array(values, dtype=np.float32), _SHORTEST_TICKS, _LONGEST_TICKS)
    return np.log2(ticks / _SHORTEST_TICKS).astype(np.float32)


# The next note of a chord is neither sooner nor later: it counts as an eighth note away. Otherwise
# chords would fill up to the top of the keyboard.
_SHIFT_TIMES: Final = _octaves_of_time((TICKS_PER_BEAT // 2, *SHIFT.values[1:]))
_REST_TIMES: Final = _octaves_of_time(SHIFT.values)
_DURATION_TIMES: Final = _octaves_of_time(DURATION.values)
_PITCHES: Final = np.array(PITCH.values, dtype=np.float32)
_VELOCITIES: Final = (np.array(VELOCITY.values, dtype=np.float32) - 64.0) / 16.0


def steering_bias(settings: PerformerSettings, register: float) -> Floats:
    """Return what is added to the logits, (N,).

    Args:
        settings: ``density``, ``pitch`` and ``loudness`` of them.
        register: the pitch that higher and lower are told from, the player's.
    """
    bias = np.zeros(TOKEN_COUNT, dtype=np.float32)

    _lean(bias, "shift", -DENSITY * settings.density * _SHIFT_TIMES)
    octaves = np.clip((_PITCHES - np.float32(register)) / 12.0, -2.0, 2.0)
    _lean(bias, "pitch", PITCH_OCTAVE * settings.pitch * octaves)
    _lean(bias, "velocity", LOUDNESS * settings.loudness * _VELOCITIES)
    return bias


def lean_to_rests(nats: float) -> Floats:
    """Return what is added to the logits, (N,), for longer times to the next note.

    Args:
        nats: for each doubling of the time; the next note of a chord is the soonest.
    """
    bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
    _lean(bias, "shift", np.float32(nats) * _REST_TIMES)
    return bias


def length_bias(settings: PerformerSettings) -> Floats:
    """Return what is added to the logits, (N,), when it is drawn how long a note sounds.

    That is drawn by itself: the network goes on from the length that it would have given the note.
    If it heard its own short notes it would play the next ones ever sooner, as notated music does.
    """
    bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
    _lean(bias, "duration", LENGTH * settings.length * _DURATION_TIMES)
    return bias


def _lean(bias: Floats, field: str, tilt: Floats) -> None:
    part = bias[FIELD_SLICE[field]]
    part[len(part) - len(tilt) :] = tilt  # behind the special tokens
