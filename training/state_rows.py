"""Tables of what was heard lately, kept as rows among the states of the network.

The performer hands one array of states from each run to the next, (B, R, U): what an LSTM layer
keeps is a row or two of it; a table takes as many rows as it needs, the last filled up with zeros.
"""

from __future__ import annotations

import math

import tensorflow as tf


def rows_for(numbers: int, units: int) -> int:
    """Return how many rows of so many units a table of so many numbers takes."""
    return math.ceil(numbers / units)


def to_rows(table: tf.Tensor, units: int) -> tf.Tensor:
    """Return a table (B, count, columns) of a known size as rows, (B, rows, U)."""
    numbers = table.shape[1] * table.shape[2]
    rows = rows_for(numbers, units)
    flat = tf.reshape(table, [-1, numbers])
    if rows * units > numbers:
        flat = tf.pad(flat, [[0, 0], [0, rows * units - numbers]])
    return tf.reshape(flat, [-1, rows, units])


def to_table(rows: tf.Tensor, count: int, columns: int) -> tf.Tensor:
    """Return rows (B, rows, U) as the table that they hold, (B, count, columns)."""
    flat = tf.reshape(rows, [-1, rows.shape[1] * rows.shape[2]])
    return tf.reshape(flat[:, : count * columns], [-1, count, columns])
