"""Attention over what was heard lately: what followed where the past was like now.

A continuous cache (Grave et al., "Improving neural language models with a continuous cache", 2017)
with keys and values that are learnt, as in Magenta's Attention RNN (Waite, "Generating long-term
structure in songs and stories", 2016): the key of an event is made of the LSTM's output before it,
its value of the output after it, each beside the embedded event. Where the music stands now asks,
and the places that were like it answer with what came next. Several heads ask for different things;
each has learnt as well how much events of so long ago matter.

The network's own heads see the answers beside the LSTM's output; they do not go back into the
recurrence. Played event by event, keys and values of the latest A events are kept among the
states. Places from before the first event are there as well, with keys and values of zero.

Shapes: B batch, T time, U units, H heads, A attended events (looked back over), D depth: numbers
of a key and a value.
"""

from __future__ import annotations

from typing import Any, Final

import keras
import tensorflow as tf
from keras import ops

from training.state_rows import rows_for, to_rows, to_table

HEADS: Final = 4
KEY: Final = 32
VALUE: Final = 64
"""Sizes of a key and a value of one head."""
DEPTH: Final = KEY + VALUE
SEEN: Final = HEADS * VALUE
"""Numbers that are seen from an event."""
_FORBIDDEN: Final = -1e9


def state_rows(attended: int, units: int) -> int:
    """Return how many rows of so many units the kept events take among the states."""
    return rows_for(HEADS * attended * DEPTH, units)


@keras.saving.register_keras_serializable("continuo")
class Attention(keras.layers.Layer):
    """Looks back over the LSTM's outputs."""

    def __init__(self, attended: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attended = attended
        # One product for all: each run of the graph pays for every node.
        self.parts = keras.layers.Dense(HEADS * (KEY + DEPTH), name="attention_parts")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for (B, T, U + embedding) inputs."""
        self.parts.build(input_shape)
        self.nearness = self.add_weight(
            (HEADS, self.attended), initializer="zeros", name="nearness"
        )
        """Added to the scores of events so many events ago."""

    def call(
        self, outputs: tf.Tensor, states: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return what is seen from each event, (B, T, SEEN), and the rows after them.

        Args:
            outputs: of the LSTM, and the embedded events, (B, T, U + embedding).
            states: the rows of the states that hold what is kept, (B, rows, U); None: nothing was
                heard before, and there are no rows to return.
        """
        parts = tf.stack(tf.split(self.parts(outputs), HEADS, axis=-1), axis=1)
        query, new = tf.split(parts, [KEY, DEPTH], axis=-1)  # (B, H, T, ...)
        shape = [-1, HEADS, self.attended, DEPTH]
        kept = (
            tf.zeros([tf.shape(new)[0], *shape[1:]], new.dtype)
            if states is None
            else tf.reshape(to_table(states, HEADS * self.attended, DEPTH), shape)
        )
        table = tf.concat([kept, new], axis=2)  # (B, H, A + T, D)
        # A value belongs to the key before it.
        keys, values = table[:, :, :-1, :KEY], table[:, :, 1:, KEY:]
        scores = tf.matmul(query, keys, transpose_b=True) * KEY**-0.5 + self._nearness(new)
        answers = tf.matmul(tf.nn.softmax(scores), values)
        seen = tf.concat(tf.unstack(answers, HEADS, axis=1), axis=-1)
        if states is None:
            return seen, None
        after = tf.reshape(table[:, :, -self.attended :], [-1, HEADS * self.attended, DEPTH])
        return seen, to_rows(after, states.shape[2])

    def _nearness(self, new: tf.Tensor) -> tf.Tensor:
        """Return what is added to the scores of all events from each new one, (H, T, A + T - 1)."""
        steps = tf.shape(new)[2]
        farthest = self.attended - 1
        ago = tf.range(steps)[:, None] + farthest - tf.range(steps + farthest)[None]
        learnt = tf.gather(
            ops.convert_to_tensor(self.nearness), tf.clip_by_value(ago, 0, farthest), axis=1
        )
        beyond = tf.cast((ago < 0) | (ago > farthest), learnt.dtype)
        return learnt + beyond * _FORBIDDEN

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds this layer."""
        return {**super().get_config(), "attended": self.attended}

    def take_over(self, known: Attention) -> None:
        """Begin as a layer that looks back less far did; what lies beyond counts as farthest."""
        self.parts.set_weights(known.parts.get_weights())
        farther = tf.repeat(known.nearness[:, -1:], self.attended - known.attended, axis=1)
        self.nearness.assign(tf.concat([known.nearness, farther], axis=1))
