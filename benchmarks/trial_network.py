"""Networks on trial: the shipped one, with inputs derived from the events added.

What is derived is a function of the events that were heard and of nothing else, so that a network
for which it pays could be played event by event. Here it is worked out for whole windows at once,
inside the training graph. Shapes: B batch, T time, F all fields, U units.
"""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from live.events import COLUMN, DURATION, FIELDS, PITCH, SHIFT, START, TICKS_PER_BEAT, UNKNOWN
from training.network import EventEmbedding, EventLSTM, NetworkConfig

SOUNDING: Final = "sounding notes"
RECENT: Final = "recent pitch classes"

HALF_LIFE: Final = 16.0
"""Notes after which a pitch class counts half as much."""

_SHIFT_TICKS: Final = np.array([0, *SHIFT.values], np.int32)
_DURATION_TICKS: Final = np.array([TICKS_PER_BEAT, *DURATION.values], np.int32)


class DerivedEmbedding(EventEmbedding):
    """Embeds events, and what is derived from them, in one sum."""

    def __init__(self, width: int, lookback: bool, extras: frozenset[str], place: bool) -> None:
        super().__init__(width, lookback, name="embedding")
        self.extras, self.place = extras, place
        wide = keras.initializers.RandomNormal(stddev=0.5)  # as embeddings begin
        self.project = keras.layers.Dense(width, use_bias=False, kernel_initializer=wide)

    def build(self, input_shape: Any) -> None:
        """Create the tables and the projection."""
        super().build(input_shape)
        derived = PITCH.size * (SOUNDING in self.extras) + 12 * (RECENT in self.extras)
        if derived:
            self.project.build((None, None, derived))

    def call(self, events: tf.Tensor, told: tf.Tensor | None = None) -> tf.Tensor:
        """Return the embedded events, (B, T, width), with lookback inputs (B, T, inputs)."""
        if not self.place:
            events = events * np.array([f.predicted for f in FIELDS], np.int32)  # UNKNOWN is 0
        total = super().call(events, told)
        dense = []
        if SOUNDING in self.extras:
            dense.append(sounding(events))
        if RECENT in self.extras:
            dense.append(recent_pitch_classes(events))
        if dense:
            total += self.project(tf.concat(dense, axis=-1))
        return total


class TrialNetwork(EventLSTM):
    """The network with some of ``SOUNDING`` and ``RECENT``."""

    def __init__(
        self, config: NetworkConfig, extras: frozenset[str] = frozenset(), place: bool = True
    ) -> None:
        """Make a network; without ``place`` it never sees the place in the bar."""
        super().__init__(config)
        self.embedding = DerivedEmbedding(config.embedding, config.lookback, extras, place)


def _ago(steps: tf.Tensor) -> tf.Tensor:
    """Return how many events ago each event (columns) is from each (rows), (T, T)."""
    number = tf.range(steps)
    return number[:, None] - number[None]


def onsets(events: tf.Tensor) -> tf.Tensor:
    """Return the onsets of events (B, T, F) in ticks from before the first, (B, T).

    START stands before all notes.
    """
    onset = tf.cumsum(tf.gather(_SHIFT_TICKS, events[..., COLUMN["shift"]]), axis=1)
    return onset - tf.cast(events[..., COLUMN["instrument"]] == START, tf.int32)


def sounding(events: tf.Tensor) -> tf.Tensor:
    """Return by pitch whether it sounds at the onset of each event (B, T, F), (B, T, pitches).

    A note of unknown duration counts as one beat.
    """
    onset = onsets(events)
    pitch = events[..., COLUMN["pitch"]]
    end = onset + tf.gather(_DURATION_TICKS, events[..., COLUMN["duration"]])
    lasts = (end[:, None] > onset[..., None]) & (_ago(tf.shape(events)[1]) >= 0)
    lasts &= (pitch != UNKNOWN)[:, None]
    held = tf.matmul(tf.cast(lasts, tf.float32), tf.one_hot(pitch, PITCH.size))
    return tf.minimum(held, 1.0)


def recent_pitch_classes(events: tf.Tensor) -> tf.Tensor:
    """Return how much each pitch class was heard of late, (B, T, 12), adding up to 4."""
    pitch = events[..., COLUMN["pitch"]]
    ago = tf.cast(_ago(tf.shape(events)[1]), tf.float32)
    weights = tf.where(ago >= 0, 2.0 ** (-ago / HALF_LIFE), 0.0)
    classes = tf.one_hot(tf.where(pitch == UNKNOWN, -1, (pitch - 1) % 12), 12)
    heard = tf.einsum("ts,bsc->btc", weights, classes)
    return 4.0 * tf.math.divide_no_nan(heard, tf.reduce_sum(heard, axis=-1, keepdims=True))
