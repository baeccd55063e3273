"""What a model thought of music that it did not write: the exported file, teacher-forced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.events import COLUMN, FIELDS, PREDICTED, UNKNOWN, Tokens
from live.model import Model
from live.prediction import FIELD_SLICE, TOKEN_COUNT, Floats
from training.ngram import ORDERS, FieldCounts, contexts, latest, uniform

STREAMS: Final = 16
"""Pieces that are heard side by side."""
STEPS: Final = 128
"""Events that are heard in one run; states are carried on from one to the next."""
ROWS: Final = 2048
"""Events whose n-gram distributions are computed together."""


@dataclass
class Tally:
    """Sums over the known targets of one field."""

    targets: int = 0
    bits: float = 0.0
    correct: float = 0.0
    """Targets that were the likeliest token."""

    def add(self, bits: npt.NDArray[Any], correct: npt.NDArray[Any]) -> None:
        """Add targets by their bits and whether they were the likeliest."""
        self.targets += len(bits)
        self.bits += float(bits.sum())
        self.correct += float(correct.sum())


Tallies = dict[str, Tally]
"""By field."""


class Judge(Model):
    """A model file, run on several streams at once and on what follows in them."""

    def follow(self, events: Tokens, states: Floats, following: Tokens) -> tuple[Floats, Floats]:
        """Return how what follows was foreseen.

        Args:
            events: (B, T, F).
            states: before them, (B, R, U).
            following: the event after each, (B, T, P). Each field is foreseen knowing the ones
                decided before it.

        Returns:
            The logits, float32 (B, T, N), and the states after the last events, (B, R, U).
        """
        width = (len(events), len(PREDICTED))
        nothing = np.zeros((len(events), 1, TOKEN_COUNT), dtype=np.float32)
        logits, after = self._session.run(
            ["logits", "next_states"],
            {
                "events": np.ascontiguousarray(events, dtype=np.int32),
                "states": states,
                "forced": np.ascontiguousarray(following, dtype=np.int32),
                "noise": nothing,
                "logit_bias": nothing,
                "temperature": np.ones(width, dtype=np.float32),
                "min_p": np.zeros(width, dtype=np.float32),
            },
        )
        return logits, after


def tally_model(
    judge: Judge, pieces: Sequence[Tokens], advance: Callable[[int], None] | None = None
) -> Tallies:
    """Return the bits of every event of pieces but START, each piece heard from its beginning.

    Args:
        judge: the model.
        pieces: encoded pieces with START and END, each (events, F).
        advance: told after each run of how many more events were judged.
    """
    tallies = {f.name: Tally() for f in PREDICTED}
    ordered = sorted(pieces, key=len, reverse=True)  # pieces of like length run side by side
    for first in range(0, len(ordered), STREAMS):
        group = ordered[first : first + STREAMS]
        states = np.repeat(judge.zero_states()[None], len(group), axis=0)
        for begin in range(0, len(group[0]) - 1, STEPS):
            parts = [piece[begin : begin + STEPS + 1] for piece in group]
            parts = [part for part in parts if len(part) > 1]
            rows = np.full((len(parts), len(parts[0]), len(FIELDS)), UNKNOWN, dtype=np.int32)
            for i, part in enumerate(parts):
                rows[i, : len(part)] = part
            following = rows[:, 1:, : len(PREDICTED)]  # UNKNOWN after a piece's end: not counted
            logits, states = judge.follow(rows[:, :-1], states[: len(parts)], following)
            _add_logits(tallies, logits, following)
            if advance is not None:
                advance(sum(len(part) - 1 for part in parts))
    return tallies


def _add_logits(tallies: Tallies, logits: Floats, following: Tokens) -> None:
    for f in PREDICTED:
        targets = following[..., COLUMN[f.name]]
        known = targets != UNKNOWN
        z, y = logits[..., FIELD_SLICE[f.name]][known], targets[known]
        tallies[f.name].add(bits_of_targets(z, y), z.argmax(axis=-1) == y)


def bits_of_targets(logits: Floats, targets: Tokens) -> npt.NDArray[np.float64]:
    """Return what targets of one field cost, (n,), given its logits, (n, values)."""
    z = logits.astype(np.float64)
    highest = z.max(axis=-1, initial=0.0)
    nats = np.log(np.exp(z - highest[:, None]).sum(axis=-1)) + highest
    return np.asarray((nats - z[range(len(targets)), targets]) / np.log(2.0))


def tally_baselines(
    counted: Iterable[FieldCounts],
    held_out: Sequence[Tokens],
    advance: Callable[[int], None] | None = None,
) -> dict[str, Tallies]:
    """Return the same figures of simpler models: uniform, unigram and n-grams of every order.

    Args:
        counted: the counts of the predicted fields, in their order.
        held_out: pieces to judge by, encoded with START and END, each (events, F).
        advance: told after each field of how many more events were judged, all fields together.
    """
    names = ["uniform", "unigram", *(f"order {order}" for order in ORDERS)]
    tallies: dict[str, Tallies] = {name: {} for name in names}
    count = sum(len(piece) - 1 for piece in held_out)
    for i, counts in enumerate(counted):
        one = {name: tallies[name].setdefault(counts.field.name, Tally()) for name in names}
        for piece in held_out:
            for begin in range(0, len(piece) - 1, ROWS):
                _add_counts(one, counts, piece, slice(begin, begin + ROWS))
        if advance is not None:
            advance(count * (i + 1) // len(PREDICTED) - count * i // len(PREDICTED))
    return tallies


def _add_counts(one: Tallies, counts: FieldCounts, piece: Tokens, rows: slice) -> None:
    """Judge some events of a piece by one field's counts; ``one`` is by model."""
    field = counts.field
    targets = piece[1:][rows]
    known = targets[:, COLUMN[field.name]] != UNKNOWN
    symbols = contexts(field, latest(piece)[rows][known], targets[known])
    y = targets[known, COLUMN[field.name]]
    each = np.arange(len(y))
    flat = uniform(field)[y]
    one["uniform"].add(-np.log2(flat), flat)  # by guessing, as often right as each is likely
    levels = [("unigram", 0), *((f"order {order}", counts.level_of(order)) for order in ORDERS)]
    for depth, p in enumerate(counts.distributions(symbols)):
        for name in (name for name, level in levels if level == depth):
            one[name].add(-np.log2(p[each, y]), p.argmax(axis=1) == y)
