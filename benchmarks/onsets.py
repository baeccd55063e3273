"""Held-out onsets as two kinds of network foresee them: token by token, or note by note.

An onset is all notes that begin together. The tutorial's network has one token for it; Continuo's
spells every note, with its octave. What an onset costs Continuo's network is split so that nothing
is left out: the sum over a piece of what ``cost`` returns is what all its notes cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import groupby

import numpy as np
import numpy.typing as npt
from music21 import chord, pitch

from live.events import COLUMN, DRUMS, END, PREDICTED, SHIFT, START, UNKNOWN, Note, Tokens
from live.model import Model
from live.prediction import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, Floats
from training.continuing import GRAND_PIANO
from training.pieces import Piece
from training.reading.tidy import tidy

TOGETHER = SHIFT.encode(0)
MOST_NOTES = 16
"""No likeliest onset is spelled further than that."""


def by_one_pianist(piece: Piece) -> Piece:
    """Return a piece as one pianist plays it, without drums."""
    played = (n for n in piece.notes if n.instrument != DRUMS)
    return replace(piece, notes=tidy(replace(n, instrument=GRAND_PIANO) for n in played))


def onsets(piece: Piece) -> list[tuple[Note, ...]]:
    """Return the notes of a piece, onset by onset, the lowest first."""
    ordered = sorted(piece.notes, key=lambda n: n.sort_key)
    return [tuple(group) for _, group in groupby(ordered, key=lambda n: n.onset_ticks)]


def token(pitches: Iterable[int]) -> str:
    """Return the tutorial's token of the pitches of one onset, MIDI note numbers.

    A note is its name with the octave; a chord, its normal order, which has no octaves.
    """
    different = frozenset(pitches)
    if len(different) == 1:
        return _name(*different)
    return _normal_order(frozenset(p % 12 for p in different))


@cache
def _name(midi_pitch: int) -> str:
    return str(pitch.Pitch(midi=midi_pitch))


@cache  # music21 takes a millisecond for each, and a normal order hangs on pitch classes alone
def _normal_order(pitch_classes: frozenset[int]) -> str:
    return ".".join(str(p) for p in chord.Chord(sorted(pitch_classes)).normalOrder)


def cost(model: Model, states: Floats, heard: Tokens, group: Tokens) -> tuple[float, float]:
    """Return the bits of an onset's notes and of its rhythm, velocities aside.

    Args:
        model: the network.
        states: before ``heard``.
        heard: the events since then, (T, F): all of the onset before.
        group: the onset's events, (notes, F).

    Returns:
        Bits of which notes sound together: instruments, pitches, and that it is these and no more;
        and bits of when the onset comes and how long its notes sound. That an onset comes at all,
        at another moment than the one before, is given.
    """
    notes = rhythm = 0.0
    for k, row in enumerate(group):
        wanted = row[: len(PREDICTED)]
        prediction = model.run(heard, states, forced=wanted)
        log2_p = _log2_softmax(prediction.logits[-1])
        named = {name: log2_p[name][wanted[COLUMN[name]]] for name in log2_p}
        joins = np.exp2(log2_p["instrument"][wanted[0]] + log2_p["shift"][TOGETHER])
        if k:
            notes -= np.log2(joins)
        else:
            apart = np.log2(1 - np.exp2(log2_p["shift"][TOGETHER]))
            comes = 1 - joins - np.exp2(log2_p["instrument"][END])
            notes -= named["instrument"] + apart - np.log2(comes)
            rhythm -= named["shift"] - apart
        notes -= named["pitch"]
        if wanted[COLUMN["duration"]] != UNKNOWN:
            rhythm -= named["duration"]
        states, heard = prediction.states, row[None]
    # Here it ends: what follows is not at the same onset.
    forced = np.full(len(PREDICTED), FREE, dtype=np.int32)
    forced[0] = group[-1][0]
    log2_p = _log2_softmax(model.run(heard, states, forced=forced).logits[-1])
    joins = np.exp2(log2_p["instrument"][forced[0]] + log2_p["shift"][TOGETHER])
    return float(notes - np.log2(1 - joins)), float(rhythm)


def likeliest(model: Model, states: Floats, heard: Tokens) -> tuple[int, ...]:
    """Return the pitches of the onset that follows, each the likeliest after those before it."""
    pitches: list[int] = []
    apart: npt.NDArray[np.float32] = np.zeros(TOKEN_COUNT, dtype=np.float32)
    apart[FIELD_SLICE["shift"].start + TOGETHER] = FORBIDDEN
    for special in (START, END):
        apart[FIELD_SLICE["instrument"].start + special] = FORBIDDEN
    while len(pitches) < MOST_NOTES:
        prediction = model.run(heard, states, logit_bias=None if pitches else apart)
        event = prediction.event
        together = event[COLUMN["shift"]] == TOGETHER and event[0] not in (START, END)
        if pitches and not (together and event[2] > heard[-1, 2]):
            break
        pitches.append(int(event[2]) - 1)
        states = prediction.states
        heard = np.concatenate([event, [UNKNOWN, UNKNOWN]]).astype(np.int32)[None]
    return tuple(pitches)


def _log2_softmax(logits: Floats) -> dict[str, npt.NDArray[np.float64]]:
    """Return the binary logarithms of each field's probabilities."""
    found = {}
    for field in PREDICTED:
        z = logits[FIELD_SLICE[field.name]].astype(np.float64)
        z = z - z.max()
        found[field.name] = (z - np.log(np.exp(z).sum())) / np.log(2)
    return found
