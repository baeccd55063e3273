"""What stood one and two bars ago at this place, as an input of the network.

Magenta's Lookback RNN (Waite, "Generating long-term structure in songs and stories", 2016) is told
what came next one and two bars ago, and whether what stands now is what stood then. Here: of the
note that stood where this one stands, in its chord as high up, the note that followed, with the
time from this place to it; and whether the two have the same pitch.

It is a function of the events alone, worked out inside the graph. Training sees it over a window;
played event by event, the graph keeps the latest ``HISTORY`` events among its states. Written with
comparisons and sums, which every converter and runtime knows.

Shapes: B batch, T time, F all fields, S events looked at: those of the states, then T new ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import tensorflow as tf

from live.events import COLUMN, DURATION, MAX_TICKS, PITCH, SHIFT, START, TICKS_PER_BEAT, UNKNOWN
from training.state_rows import rows_for, to_rows, to_table

BARS_AGO: Final = (1, 2)
HISTORY: Final = 256
"""Events that are kept among the states."""
COLUMNS: Final = 4
"""Of what is kept of an event: onset and begin of its bar in ticks, pitch and duration tokens."""
SIZES: Final = (3, SHIFT.size, PITCH.size, DURATION.size) * len(BARS_AGO)
"""Tokens of each lookback input: whether the pitches are the same, then the note that followed."""
LONGEST_BAR_BEATS: Final = 16

# Tables of integers: those of floats would lose their exactness in a file of 8-bit weights.
_TICKS: Final = np.array([0, *SHIFT.values], np.int32)
_SHIFTS: Final = np.array([SHIFT.encode(ticks) for ticks in range(MAX_TICKS + 1)], np.int32)
_LONG_AGO: Final = 2.0**20
"""Ticks; more than anything that is kept lasts, and exact in float32."""


def state_rows(units: int) -> int:
    """Return how many rows of so many units the kept events take among the states."""
    return rows_for(HISTORY * COLUMNS, units)


def unpack(states: tf.Tensor) -> tf.Tensor:
    """Return what is kept, (B, HISTORY, COLUMNS), from its rows among the states, (B, rows, U).

    The last event that was heard stands at tick 0; zeros, as at first, are events of long ago.
    """
    return to_table(states, HISTORY, COLUMNS) - np.array([_LONG_AGO, _LONG_AGO, 0, 0], np.float32)


def pack(rows: tf.Tensor, latest: tf.Tensor, units: int) -> tf.Tensor:
    """Return the latest of ``rows`` (B, S, COLUMNS) as rows among the states, (B, rows, U).

    Args:
        rows: as ``extend`` returns them.
        latest: where time stands, in ticks, (B,).
        units: U.
    """
    kept = rows[:, -HISTORY:]
    moved = tf.concat(
        [tf.maximum(kept[..., :2] - latest[:, None, None], -_LONG_AGO), kept[..., 2:]], -1
    )
    moved += np.array([_LONG_AGO, _LONG_AGO, 0, 0], np.float32)
    return to_rows(tf.ensure_shape(moved, [None, HISTORY, COLUMNS]), units)


def extend(kept: tf.Tensor | None, events: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return what is kept with events (B, T, F) added, (B, S, COLUMNS), and where time stands.

    Args:
        kept: (B, HISTORY, COLUMNS), the last one at tick 0; None: nothing was heard before.
        events: tokens.
    """
    ticks = tf.gather(_TICKS, events[..., COLUMN["shift"]])
    total = tf.cumsum(tf.cast(ticks, tf.float32), axis=1)
    # START stands before all notes: it is no part of a chord.
    starts = tf.cast(tf.equal(events[..., COLUMN["instrument"]], START), tf.float32)
    tick, beat = events[..., COLUMN["tick_in_beat"]], events[..., COLUMN["beat_in_bar"]]
    known = tf.cast((tick != UNKNOWN) & (beat != UNKNOWN), tf.float32)
    place = tf.cast((beat - 1) * TICKS_PER_BEAT + tick - 1, tf.float32)
    begins = known * (total - place) - (1.0 - known) * _LONG_AGO
    notes = [tf.cast(events[..., COLUMN[name]], tf.float32) for name in ("pitch", "duration")]
    rows = tf.stack([total - starts, begins, *notes], axis=-1)
    return rows if kept is None else tf.concat([kept, rows], axis=1), total[:, -1]


def look_back(rows: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """Return the lookback inputs of the last events, tokens (B, T, inputs), in order of ``SIZES``.

    All are 0 where nothing is known of that time. A bar is as long as the one before was; four
    beats where places are not known.

    Args:
        rows: what is looked at, (B, S, COLUMNS).
        steps: T.
    """
    onset, begin = rows[..., 0], rows[..., 1]
    count = tf.shape(rows)[1]
    number = tf.range(count)
    new = number[count - steps :]  # (T,)
    now, began = onset[:, count - steps :], begin[:, count - steps :]  # (B, T)
    bar = _bar_ticks(begin, began, number[None] <= new[:, None])
    in_chord = tf.cast(new, tf.float32) - _how_many(onset[:, None] < now[..., None])
    told = []
    for bars in BARS_AGO:
        then = now - bars * bar
        before = _how_many(onset[:, None] < then[..., None])
        after = _how_many(onset[:, None] <= then[..., None])
        met = tf.cast(after > before, tf.float32)
        at = met * tf.minimum(before + in_chord, after - 1) + (1.0 - met) * (before - 1)
        here, following = _rows_at(rows, at), _rows_at(rows, at + 1)
        known = tf.cast(here[..., 0] > -_LONG_AGO / 2, tf.float32)
        # A place before all that is kept is no row: zeros, which would be tick 0.
        known *= tf.cast(at >= 0, tf.float32)
        same = met * tf.cast(tf.equal(here[..., 2], rows[:, count - steps :, 2]), tf.float32)
        wait = tf.clip_by_value(following[..., 0] - then, 0.0, float(MAX_TICKS))
        shift = tf.cast(tf.gather(_SHIFTS, tf.cast(wait, tf.int32)), tf.float32)
        values = [1.0 + same, shift, following[..., 2], following[..., 3]]
        told += [known * value for value in values]
    return tf.cast(tf.stack(told, axis=-1), tf.int32)


def _bar_ticks(begin: tf.Tensor, began: tf.Tensor, past: tf.Tensor) -> tf.Tensor:
    """Return the length of the bar before each new event's, in ticks, (B, T).

    Args:
        begin: of the bars of all events, (B, S).
        began: of the new events' bars, (B, T).
        past: whether an event (columns) is none after a new one (rows), (T, S).
    """
    earlier = tf.cast((begin[:, None] < began[..., None]) & past, tf.float32)  # (B, T, S)
    latest = tf.reduce_max(earlier * begin[:, None] - (1.0 - earlier) * _LONG_AGO, axis=-1)
    length = began - latest
    longest = LONGEST_BAR_BEATS * TICKS_PER_BEAT
    plain = tf.cast((began < -_LONG_AGO / 2) | (length > longest), tf.float32)
    return plain * 4 * TICKS_PER_BEAT + (1.0 - plain) * length


def _how_many(true: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(true, tf.float32), axis=-1)


def _rows_at(rows: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Return rows (B, S, COLUMNS) by their numbers, (B, T): (B, T, COLUMNS); zeros for none."""
    each = tf.range(tf.shape(rows)[1])
    chosen = tf.cast(tf.equal(each, tf.cast(numbers, tf.int32)[..., None]), tf.float32)
    return tf.matmul(chosen, rows)
