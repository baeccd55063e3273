"""Windows of events for the network, cut from whole pieces and varied as they are cut.

Every piece is held twice: as it is written, and reduced for keyboard, where all instruments but
the drums become one piano. Most scores are for choirs and strings, and most users play keyboards.
A token takes one byte, so that five million events, held twice, take 70 MB.

The windows of a step depend on nothing but the seed and the step's number: a run that goes on after
an interruption sees what it would have seen, and so does each of several workers.

Shapes: B batch, T time, F all fields, P predicted fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from live.events import FIELDS, PREDICTED, UNKNOWN
from training.columns import Columns, encode_columns
from training.keyboard import reduce_for_keyboard
from training.variation import Variation, Windows, hide, vary

Window = tuple[dict[str, Windows], dict[str, Windows]]
"""``{"events": (B, T, F), "targets": (B, T, P)}`` and the targets by field name, each (B, T)."""

assert max(f.size for f in FIELDS) <= 256  # a token takes one byte


@dataclass(frozen=True)
class Pieces:
    """Many encoded pieces, one after the other."""

    tokens: npt.NDArray[np.uint8]
    """(events of all pieces, F)"""
    begins: npt.NDArray[np.int64]
    """Row of each piece's START."""
    ends: npt.NDArray[np.int64]
    """Row after each piece's END."""


@dataclass(frozen=True)
class Readings:
    """Pieces in both their readings."""

    written: Pieces
    reduced: Pieces

    @classmethod
    def of(cls, pieces: Sequence[Columns]) -> Self:
        """Encode pieces, at least one."""
        return cls(encode_all(pieces), encode_all([reduce_for_keyboard(p) for p in pieces]))

    @property
    def events(self) -> int:
        """Number of events, START and END included, as written."""
        return len(self.written.tokens)

    @property
    def identity(self) -> str:
        """A hash of all events."""
        return hashlib.blake2b(self.written.tokens.tobytes(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Share:
    """Music that takes part in every batch, with so many windows."""

    music: Readings
    windows: int


def encode_all(pieces: Sequence[Columns]) -> Pieces:
    """Encode pieces, at least one."""
    encoded = [encode_columns(columns).astype(np.uint8) for columns in pieces]
    ends = np.cumsum([len(tokens) for tokens in encoded])
    return Pieces(np.concatenate(encoded), np.concatenate([[0], ends[:-1]]), ends)


def cut(pieces: Pieces, starts: npt.NDArray[np.int64], steps: int) -> Windows:
    """Return windows (B, steps, F) from rows ``starts`` on, UNKNOWN after the end of a piece."""
    piece = np.searchsorted(pieces.begins, starts, side="right") - 1
    rows = starts[:, None] + np.arange(steps)
    inside = rows < pieces.ends[piece][:, None]
    tokens = pieces.tokens[np.where(inside, rows, 0)].astype(np.int32)
    return np.where(inside[..., None], tokens, UNKNOWN)


def random_starts(
    pieces: Pieces, count: int, steps: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return rows where windows begin: uniform over events, moved back where a piece would end.

    Half a window's worth of them fall on the beginning of each piece, so that beginnings and ends
    are met as often as the middle.
    """
    lengths = pieces.ends - pieces.begins
    piece = np.searchsorted(pieces.ends, random.integers(len(pieces.tokens), size=count), "right")
    last = np.maximum(lengths[piece] - steps, 0)
    start = random.integers(-(steps // 2), lengths[piece] - steps // 2 + 1)
    return pieces.begins[piece] + np.clip(start, 0, last)


def as_example(events: Windows, following: Windows) -> Window:
    """Return events (B, T, F) as input and those that follow each, (B, T, F), as targets."""
    targets = following[..., : len(PREDICTED)]
    by_field = {f.name: targets[..., i] for i, f in enumerate(PREDICTED)}
    return {"events": events, "targets": targets}, by_field


def training_batch(
    shares: Sequence[Share], step: int, *, steps: int, seed: int, variation: Variation
) -> Window:
    """Return the varied windows of one training step, T = ``steps``.

    Args:
        shares: what the batch is made of; B is the sum of their windows.
        step: number of the training step, from 0.
        steps: events per window.
        seed: of the run.
        variation: of the windows.
    """
    random = np.random.default_rng([seed, step])
    windows = []
    for share in shares:
        from_reduced = int(random.binomial(share.windows, variation.reduce))
        for pieces, number in (
            (share.music.reduced, from_reduced),
            (share.music.written, share.windows - from_reduced),
        ):
            starts = random_starts(pieces, number, steps + 1, random)
            windows.append(cut(pieces, starts, steps + 1))
    varied = vary(np.concatenate(windows), variation, random)
    # In no order, so that parts of the batch are alike, wherever it is divided.
    varied = random.permutation(varied)
    return as_example(hide(varied[:, :-1], variation, random), varied[:, 1:])


def training_dataset(
    shares: Sequence[Share], *, first: int, steps: int, seed: int, variation: Variation
) -> tf.data.Dataset:
    """Return the windows of all steps from ``first`` on, without end; see ``training_batch``."""
    batch = sum(share.windows for share in shares)

    def batches() -> Iterator[Window]:
        for step in count(first):
            yield training_batch(shares, step, steps=steps, seed=seed, variation=variation)

    def tokens(*shape: int) -> tf.TensorSpec:
        return tf.TensorSpec(shape, tf.int32)

    signature = (
        {
            "events": tokens(batch, steps, len(FIELDS)),
            "targets": tokens(batch, steps, len(PREDICTED)),
        },
        {f.name: tokens(batch, steps) for f in PREDICTED},
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return _divisible(dataset.prefetch(4))


def windows_in_order(music: Readings, steps: int) -> Windows:
    """Return windows (B, steps + 1, F) in which every event of the pieces is a target once.

    As written and once more as reduced; UNKNOWN after the end of a piece.
    """
    windows = []
    for encoded in (music.written, music.reduced):
        starts = np.concatenate(
            [
                np.arange(begin, end - 1, steps)
                for begin, end in zip(encoded.begins, encoded.ends, strict=True)
            ]
        )
        windows.append(cut(encoded, starts, steps + 1))
    return np.concatenate(windows)


def validation_dataset(music: Readings, *, batch: int, steps: int) -> tf.data.Dataset:
    """Return every event of the pieces as a target once, as written and once more as reduced.

    Nothing is varied. Each window of T = ``steps`` begins without a past, so the figures are
    a little worse than those of a performer that has heard more. The last batch is filled up with
    windows that ask for nothing.
    """
    rows = windows_in_order(music, steps)
    empty = np.full((-len(rows) % batch, *rows.shape[1:]), UNKNOWN, np.int32)
    rows = np.concatenate([rows, empty])
    examples = as_example(rows[:, :-1], rows[:, 1:])
    dataset = tf.data.Dataset.from_tensor_slices(examples).batch(batch, drop_remainder=True)
    return _divisible(dataset.prefetch(2))


def _divisible(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Have each batch divided among the workers, where there are several."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)
