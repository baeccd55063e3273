"""The baseline to beat: interpolated n-grams of every field, by counting.

Every field has a chain of contexts, each one symbol longer than the one before: first nothing, then
what was decided before it in the same event, then the field's own latest values, one by one. A
context's counts are interpolated with the next shorter context's distribution by the weights of
Witten and Bell ("The zero-frequency problem", 1991, method C), the shortest with the uniform one:

    p(w | c) = (count(c, w) + kinds(c) p(w | c shortened)) / (count(c) + kinds(c))

where ``kinds(c)`` is how many different values have followed ``c``. ``CHAINS`` says what each field
looks at. Order n looks at what was decided before and at the field's n - 1 latest values; so order
1 knows more than a unigram does, which looks at nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.events import COLUMN, PREDICTED, SHIFT, START, UNKNOWN, Field, Tokens

ORDERS: Final = (1, 2, 3, 4, 5)
TOGETHER: Final = SHIFT.encode(0)

CHAINS: Final[dict[str, tuple[str, ...]]] = {
    "instrument": (),
    "shift": ("instrument",),
    "pitch": ("instrument", "together"),
    "duration": ("shift",),
    "velocity": ("together",),
}
"""What each field is told of its own event: other fields, or whether it belongs to a chord."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Level:
    """Counts of one length of context."""

    contexts: Integers
    """Ascending keys: number of the shorter context times the symbol's size, plus the symbol."""
    totals: npt.NDArray[np.int32]
    """Values that followed, by context."""
    begins: Integers
    """Where each context's values begin below, and the end of the last."""
    values: npt.NDArray[np.int16]
    """Values that followed, context by context."""
    counts: npt.NDArray[np.int32]
    """How often each of them did."""


class FieldCounts:
    """The n-gram of one field, of all orders at once."""

    def __init__(self, field: Field, pieces: Sequence[Tokens]) -> None:
        """Count.

        Args:
            field: the predicted field.
            pieces: encoded pieces with START and END, each (events, F).
        """
        self.field = field
        targets, symbols = _examples(field, pieces)
        known = targets != UNKNOWN
        targets, symbols = targets[known], symbols[known]
        self.uniform = uniform(field)
        self._sizes = (1, *_sizes(field))
        self._levels: list[_Level] = []
        ids = np.zeros(len(targets), dtype=np.int64)
        for depth, size in enumerate(self._sizes):
            key = ids * size + (symbols[:, depth - 1] if depth else 0)
            contexts, ids = np.unique(key, return_inverse=True)
            pairs, counts = np.unique(ids * field.size + targets, return_counts=True)
            holders = pairs // field.size
            self._levels.append(
                _Level(
                    contexts=contexts,
                    totals=np.bincount(ids, minlength=len(contexts)).astype(np.int32),
                    begins=np.searchsorted(holders, np.arange(len(contexts) + 1)),
                    values=(pairs % field.size).astype(np.int16),
                    counts=counts.astype(np.int32),
                )
            )

    def level_of(self, order: int) -> int:
        """Return how many symbols of context an order has."""
        return len(CHAINS[self.field.name]) + order - 1

    def distributions(self, symbols: Integers) -> Iterator[Floats]:
        """Yield p(value | context) for ever longer contexts, each (examples, size).

        The first is the unigram's, which looks at nothing; the next looks at the first symbol, and
        so on. The arrays are changed in place: use each before asking for the next.

        Args:
            symbols: of the contexts, (examples, symbols), as ``contexts`` gives them.
        """
        rows = np.arange(len(symbols))
        ids = np.zeros(len(symbols), dtype=np.int64)
        p = np.broadcast_to(self.uniform, (len(symbols), self.field.size)).copy()
        for depth, (size, level) in enumerate(zip(self._sizes, self._levels, strict=True)):
            key = ids * size + (symbols[rows, depth - 1] if depth else 0)
            places = np.searchsorted(level.contexts, key)
            met = places < len(level.contexts)
            met[met] = level.contexts[places[met]] == key[met]
            # Where this context was never met no longer one was either: the shorter one decides.
            rows, ids = rows[met], places[met]
            begins, kinds = level.begins[ids], level.begins[ids + 1] - level.begins[ids]
            weights = 1.0 / (level.totals[ids] + kinds)
            p[rows] *= (kinds * weights)[:, None]
            firsts = np.cumsum(kinds) - kinds
            entries = np.arange(kinds.sum()) + np.repeat(begins - firsts, kinds)
            shares = level.counts[entries] * np.repeat(weights, kinds)
            p[np.repeat(rows, kinds), level.values[entries]] += shares
            yield p


def count_fields(pieces: Sequence[Tokens]) -> Iterator[FieldCounts]:
    """Yield the counts of the predicted fields in their order; each takes hundreds of megabytes.

    Args:
        pieces: encoded pieces with START and END, each (events, F).
    """
    for field in PREDICTED:
        yield FieldCounts(field, pieces)


def uniform(field: Field) -> Floats:
    """Return the distribution that knows nothing but what can follow, (size,).

    UNKNOWN and START never follow; END does.
    """
    p = np.ones(field.size)
    p[UNKNOWN] = 0.0
    if len(field.specials) > 1:
        p[START] = 0.0
    return np.asarray(p / p.sum())


def contexts(field: Field, events: Tokens, decided: Tokens, lags: int = ORDERS[-1] - 1) -> Integers:
    """Return what a field's contexts are made of, (examples, symbols), nearest first.

    Args:
        field: the predicted field.
        events: tokens of the latest events, (examples, lags, at least P), the latest first.
        decided: tokens of the event itself, (examples, at least P); used up to the field.
        lags: how many of the latest events to look at.
    """
    columns: list[npt.NDArray[Any]] = []
    for name in CHAINS[field.name]:
        if name == "together":
            columns.append(decided[:, COLUMN["shift"]] == TOGETHER)
        else:
            columns.append(decided[:, COLUMN[name]])
    columns += [events[:, lag, COLUMN[field.name]] for lag in range(lags)]
    return np.stack(columns, axis=1).astype(np.int64)


def _sizes(field: Field) -> list[int]:
    """Return the number of values that each symbol of a context can have."""
    sizes = {f.name: f.size for f in PREDICTED} | {"together": 2}
    return [sizes[name] for name in CHAINS[field.name]] + [field.size] * (ORDERS[-1] - 1)


def _examples(field: Field, pieces: Sequence[Tokens]) -> tuple[Integers, Integers]:
    """Return every event but START as a target, (examples,), and its context's symbols."""
    targets, symbols = [np.empty(0, dtype=np.int64)], [np.empty((0, len(_sizes(field))), np.int64)]
    for piece in pieces:
        targets.append(piece[1:, COLUMN[field.name]].astype(np.int64))
        symbols.append(contexts(field, latest(piece), piece[1:]))
    return np.concatenate(targets), np.concatenate(symbols)


def latest(piece: Tokens, lags: int = ORDERS[-1] - 1) -> Tokens:
    """Return the events before each event but the first, (events - 1, lags, F), the latest first.

    Before the first there is nothing: UNKNOWN.
    """
    padded = np.concatenate([np.full((lags - 1, piece.shape[1]), UNKNOWN, piece.dtype), piece[:-1]])
    windows = np.lib.stride_tricks.sliding_window_view(padded, lags, axis=0)  # (events, F, lags)
    return windows.transpose(0, 2, 1)[:, ::-1]
