"""How long a passage is that stands in the training set already, in whatever key.

A passage is a run of notes; it is copied where the steps between its notes are: the shift and the
interval from each note to the next. Found by hashes of runs of steps that grow one step at a time:
a run of n steps can be in the training set only where its first n - 1 are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.events import COLUMN, PITCH, SHIFT, UNKNOWN, Tokens

BASE: Final = np.uint64(0x9E3779B97F4A7C15)
BREAK: Final = np.uint64(0xD1B54A32D192ED03)
"""The step across the border of two pieces: no step has this value."""

Hashes = npt.NDArray[np.uint64]


def longest_copies(passages: Sequence[Tokens], training: Sequence[Tokens]) -> npt.NDArray[Any]:
    """Return the length of each passage's longest copied run, in notes, int64 (passages,).

    A run of one note is always known: the least is 1.

    Args:
        passages: events, each (n, at least P).
        training: encoded pieces, each (n, at least P).
    """
    longest = np.ones(len(passages), dtype=np.int64)
    wanted, owners = _steps(passages)
    known, _ = _steps(training)
    starts, places = np.flatnonzero(wanted != BREAK), np.flatnonzero(known != BREAK)
    hashes, found = np.zeros(len(starts), np.uint64), np.zeros(len(places), np.uint64)
    length = 0
    while len(starts) and len(places):
        starts, hashes = _grow(wanted, starts, hashes, length)
        places, found = _grow(known, places, found, length)
        length += 1
        kept = np.isin(found, hashes, kind="sort")
        places, found = places[kept], found[kept]
        met = np.isin(hashes, found, kind="sort")
        starts, hashes = starts[met], hashes[met]
        longest[owners[starts]] = length + 1  # as many steps lead from the first note to the last
    return longest


def _grow(
    steps: Hashes, starts: npt.NDArray[np.int64], hashes: Hashes, length: int
) -> tuple[npt.NDArray[np.int64], Hashes]:
    """Make runs of ``length`` steps one step longer; those that would cross a border are gone."""
    inside = starts + length < len(steps)
    starts, hashes = starts[inside], hashes[inside]
    after = steps[starts + length]
    inside = after != BREAK
    # Mixed again at each step: sums of products alone would make different runs meet.
    grown = (hashes[inside] ^ (hashes[inside] >> np.uint64(29))) * BASE + after[inside]
    return starts[inside], grown


def _steps(music: Sequence[Tokens]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the steps of pieces, one after another with a ``BREAK`` before each, and whose."""
    steps: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    owners: list[npt.NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    for owner, events in enumerate(music):
        notes = events[events[:, COLUMN["pitch"]] != UNKNOWN].astype(np.int64)
        intervals = np.diff(notes[:, COLUMN["pitch"]]) + PITCH.size
        step = intervals * SHIFT.size + notes[1:, COLUMN["shift"]]
        steps += [np.array([BREAK]), step.astype(np.uint64)]
        owners.append(np.full(len(step) + 1, owner))
    return np.concatenate(steps), np.concatenate(owners)
