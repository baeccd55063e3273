"""Windows of events for the network, cut from whole pieces and varied as they are cut.

Every piece is held twice: as it is written, and reduced for keyboard, where all instruments but
the drums become one piano. Most scores are for choirs and strings, and most users play keyboards.

Shapes: B batch, T time, F all fields, P predicted fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from live.events import (
    COLUMN,
    DRUMS,
    FIELDS,
    INSTRUMENT,
    PITCH,
    PREDICTED,
    UNKNOWN,
    VELOCITY,
    Note,
    encode_piece,
)
from training.pieces import Piece
from training.reading.tidy import tidy

Window = tuple[dict[str, npt.NDArray[np.int32]], dict[str, npt.NDArray[np.int32]]]
"""``{"events": (B, T, F), "targets": (B, T, P)}`` and the targets by field name, each (B, T)."""

LOWEST, HIGHEST = PITCH.encode(21), PITCH.encode(108)
"""Tokens of the ends of a piano's keyboard."""
GRAND_PIANO = 0


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


@dataclass(frozen=True)
class Pieces:
    """Many encoded pieces, one after the other."""

    tokens: npt.NDArray[np.int32]
    """(events of all pieces, F)"""
    begins: npt.NDArray[np.int64]
    """Row of each piece's START."""
    ends: npt.NDArray[np.int64]
    """Row after each piece's END."""


def reduce_for_keyboard(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return the notes with every instrument but the drums replaced by a grand piano.

    A key is struck once: of notes that meet on one pitch and onset only the longest stays.
    """
    return tidy(n if n.instrument == DRUMS else replace(n, instrument=GRAND_PIANO) for n in notes)


def encode_all(pieces: Sequence[Piece], *, reduced: bool) -> Pieces:
    """Encode pieces, as written or reduced for keyboard."""
    encoded = [encode_piece(reduce_for_keyboard(p.notes) if reduced else p.notes) for p in pieces]
    ends = np.cumsum([len(tokens) for tokens in encoded])
    begins = np.concatenate([[0], ends[:-1]])
    return Pieces(np.concatenate(encoded), begins, ends)


def cut(pieces: Pieces, starts: npt.NDArray[np.int64], steps: int) -> npt.NDArray[np.int32]:
    """Return windows (B, steps, F) from rows ``starts`` on, UNKNOWN after the end of a piece."""
    piece = np.searchsorted(pieces.begins, starts, side="right") - 1
    rows = starts[:, None] + np.arange(steps)
    inside = rows < pieces.ends[piece][:, None]
    return np.where(inside[..., None], pieces.tokens[np.where(inside, rows, 0)], UNKNOWN)


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


def transpose(
    windows: npt.NDArray[np.int32], most: int, random: np.random.Generator
) -> npt.NDArray[np.int32]:
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


def shift_velocity(
    windows: npt.NDArray[np.int32], most: int, random: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Make each window (B, T, F) louder or softer by up to ``most`` velocity steps."""
    velocity = windows[..., COLUMN["velocity"]]
    amount = random.integers(-most, most + 1, size=(len(windows), 1))
    shifted = np.clip(velocity + amount, 1, VELOCITY.size - 1)
    varied = windows.copy()
    varied[..., COLUMN["velocity"]] = np.where(velocity == UNKNOWN, UNKNOWN, shifted)
    return varied


def hide(
    events: npt.NDArray[np.int32], variation: Variation, random: np.random.Generator
) -> npt.NDArray[np.int32]:
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


def _as_example(events: npt.NDArray[np.int32], following: npt.NDArray[np.int32]) -> Window:
    targets = following[..., : len(PREDICTED)]
    by_field = {f.name: targets[..., i] for i, f in enumerate(PREDICTED)}
    return {"events": events, "targets": targets}, by_field


def training_batches(
    pieces: Sequence[Piece],
    *,
    batch: int,
    steps: int,
    seed: int,
    variation: Variation | None = None,
) -> Iterator[Window]:
    """Yield varied windows without end, B = ``batch`` and T = ``steps``; fixed by ``seed``."""
    vary = variation or Variation()
    written, reduced = encode_all(pieces, reduced=False), encode_all(pieces, reduced=True)
    random = np.random.default_rng(seed)
    while True:
        from_reduced = int(random.binomial(batch, vary.reduce))
        windows = np.concatenate(
            [
                cut(source, random_starts(source, count, steps + 1, random), steps + 1)
                for source, count in ((reduced, from_reduced), (written, batch - from_reduced))
            ]
        )
        windows = transpose(windows, vary.transpose, random)
        windows = shift_velocity(windows, vary.velocity_shift, random)
        yield _as_example(hide(windows[:, :-1], vary, random), windows[:, 1:])


def training_dataset(
    pieces: Sequence[Piece],
    *,
    batch: int,
    steps: int,
    seed: int,
    variation: Variation | None = None,
) -> tf.data.Dataset:
    """Return endless varied windows for ``keras.Model.fit``; see ``training_batches``."""
    batches = training_batches(pieces, batch=batch, steps=steps, seed=seed, variation=variation)

    def tokens(*shape: int) -> tf.TensorSpec:
        return tf.TensorSpec(shape, tf.int32)

    signature = (
        {
            "events": tokens(batch, steps, len(FIELDS)),
            "targets": tokens(batch, steps, len(PREDICTED)),
        },
        {f.name: tokens(batch, steps) for f in PREDICTED},
    )
    return tf.data.Dataset.from_generator(lambda: batches, output_signature=signature).prefetch(4)


def validation_dataset(pieces: Sequence[Piece], *, batch: int, steps: int) -> tf.data.Dataset:
    """Return every event of the pieces as a target once, as written and once more as reduced.

    Nothing is varied. Each window of T = ``steps`` begins without a past, so the figures are
    a little worse than those of a performer that has heard more.
    """
    windows = []
    for reduced in (False, True):
        encoded = encode_all(pieces, reduced=reduced)
        starts = np.concatenate(
            [
                np.arange(begin, end - 1, steps)
                for begin, end in zip(encoded.begins, encoded.ends, strict=True)
            ]
        )
        windows.append(cut(encoded, starts, steps + 1))
    rows = np.concatenate(windows)
    examples = _as_example(rows[:, :-1], rows[:, 1:])
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch).prefetch(2)
