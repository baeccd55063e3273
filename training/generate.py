"""Writes music offline: a prompt, and what a model plays on from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from live.errors import UserError
from live.events import COLUMN, TICKS_PER_BEAT, UNKNOWN, Note, Tokens, decode
from live.prediction import Network
from training.columns import encode_columns
from training.continuing import BAR_BEATS, Sampling, bars_of, play_on
from training.reading.isolated import Limits, Reader

LEAST_NOTES: Final = 4
"""A prompt of fewer notes says too little to go on from."""


@dataclass(frozen=True)
class Written:
    """A prompt and its continuation, from the beginning of the prompt's first bar."""

    prompt: tuple[Note, ...]
    continuation: tuple[Note, ...]
    bar_ticks: int
    """Length of a bar."""


def prompt_from_file(path: Path, notes: int) -> Tokens:
    """Return the last notes of a file as events, (at most notes + 1, F), with START if it is all.

    Raises:
        UserError: it cannot be read, or it is too short.
    """
    with Reader(Limits()) as reader:
        found = reader.read(path)
    if found.reason is not None:
        raise UserError(f"cannot read the prompt {path}: {found.reason}")
    piece = found.pieces[0]
    if len(piece) < LEAST_NOTES:
        raise UserError(
            f"the prompt {path} has {len(piece)} note(s); it needs {LEAST_NOTES} to go on from"
        )
    events = encode_columns(piece)[:-1]
    return events if len(events) <= notes + 1 else _window(events, len(events) - notes, notes)


def prompt_from_pieces(
    pieces: Sequence[Tokens], notes: int, random: np.random.Generator
) -> tuple[int, Tokens]:
    """Return notes in a row from anywhere in one of the pieces.

    Args:
        pieces: encoded, with START and END, each (events, F).
        notes: how many.
        random: source of chance.

    Returns:
        The number of the piece, and the events, (notes, F).

    Raises:
        UserError: no piece has so many notes.
    """
    places = np.array([max(len(piece) - 1 - notes, 0) for piece in pieces])
    if not places.sum():
        raise UserError(f"no held-out piece has {notes} notes; ask for fewer with --seed-notes")
    number = int(random.choice(len(pieces), p=places / places.sum()))
    return number, _window(pieces[number], 1 + int(random.integers(places[number])), notes)


def _window(events: Tokens, begin: int, notes: int) -> Tokens:
    window = events[begin : begin + notes].copy()
    window[0, COLUMN["shift"]] = UNKNOWN
    return window


def generate(
    network: Network,
    prompt: Tokens,
    notes: int,
    sampling: Sampling,
    random: np.random.Generator,
    may_end_after: int | None = None,
) -> Written:
    """Play on from a prompt.

    Args:
        network: what is played with.
        prompt: events, (at least 1, F).
        notes: how many to add.
        sampling: how they are drawn.
        random: source of chance; the same state gives the same notes.
        may_end_after: added notes after which the piece may end by itself; None: it does not.
    """
    events = play_on(network, prompt, notes, sampling, random, may_end_after)
    bars = bars_of(prompt)
    all_notes = decode(np.concatenate([prompt, events]))
    # The prompt begins anywhere in a bar; here time begins where that bar does.
    early = 0 if bars is None else bars.bar_ticks(all_notes[0].onset_ticks)
    placed = [replace(n, onset_ticks=n.onset_ticks + early) for n in all_notes]
    return Written(
        prompt=tuple(placed[: len(placed) - len(events)]),
        continuation=tuple(placed[len(placed) - len(events) :]),
        bar_ticks=BAR_BEATS * TICKS_PER_BEAT if bars is None else bars.length_ticks,
    )
