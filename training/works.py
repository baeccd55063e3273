"""Which pieces are the same work, told by their notes, and a split that no work crosses.

A work may stand in several files: other editions, another format, another key, a movement beside
the whole. Their melodies share long runs of intervals, whatever the key, the bars or the note
values. The idea of comparing documents by the hashes of their runs is Broder's ("On the
resemblance and containment of documents", 1997).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.events import DRUMS
from training.columns import Columns

RUN: Final = 12
"""Intervals in a run. Fewer are common to many works, more are broken by one ornament."""
MIN_KINDS: Final = 4
"""Different intervals that a run must have: scales and repeated notes belong to everybody."""
MAX_PIECES: Final = 40
"""A run that is in more pieces than this is nobody's."""
SAME: Final = ((8, 0.25), (30, 0.1))
"""Two pieces are one work if they share so many runs, and these are such a share of the smaller
piece's: either pair is enough. Found by looking at all pairs in 1,900 piano pieces: editions share
most of their runs, an arrangement or the parts of a duet a tenth; works that have nothing to do
with each other at most 16, and only if one of them is a page of scales."""

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Split:
    """Numbers of pieces, ascending; the pieces of a work are all in one of the three."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def identity(columns: Columns) -> bytes:
    """Return a hash of a piece's notes, equal for pieces with the same notes."""
    return hashlib.blake2b(columns.tobytes(), digest_size=16).digest()


def runs(columns: Columns) -> Hashes:
    """Return the hashes of the runs of intervals in a piece's highest line, ascending, unique."""
    pitched = columns[columns["instrument"] != DRUMS]
    if not len(pitched):
        return np.empty(0, dtype=np.uint64)
    # Notes stand in order of onset and pitch: the last of each onset is its highest.
    is_highest = np.append(np.diff(pitched["onset_ticks"]) != 0, True)
    intervals = np.diff(pitched["pitch"][is_highest]).astype(np.int64)
    if len(intervals) < RUN:
        return np.empty(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(intervals, RUN)
    kinds = 1 + (np.diff(np.sort(windows, axis=1), axis=1) != 0).sum(axis=1)
    windows = windows[kinds >= MIN_KINDS]
    hashed = np.zeros(len(windows), dtype=np.uint64)
    for position in range(RUN):
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + (windows[:, position] + 128).astype(
            np.uint64
        )
    return np.unique(hashed ^ (hashed >> np.uint64(29)))


def same_works(pieces: Sequence[Columns]) -> npt.NDArray[np.int32]:
    """Return the number of each piece's work, counted from 0 in the order of their first pieces.

    Args:
        pieces: the notes of each piece.
    """
    hashes = [runs(piece) for piece in pieces]
    sizes = np.array([len(h) for h in hashes], dtype=np.int64)
    parent = list(range(len(pieces)))
    for first, second, shared in zip(*_shared(hashes), strict=True):
        smaller = min(sizes[first], sizes[second])
        if any(shared >= least and shared >= share * smaller for least, share in SAME):
            a, b = _root(parent, int(first)), _root(parent, int(second))
            parent[max(a, b)] = min(a, b)
    shapes: dict[bytes, int] = {}
    for number, piece in enumerate(pieces):
        root = _root(parent, shapes.setdefault(_shape(piece), number))
        other = _root(parent, number)
        parent[max(root, other)] = min(root, other)
    roots = np.array([_root(parent, piece) for piece in range(len(pieces))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int32)


def _shape(columns: Columns) -> bytes:
    """Return a hash of onsets and pitches, the same in every key and for every instrument.

    It finds the copies of what is too short, or too plain, to have runs.
    """
    onsets, pitches = columns["onset_ticks"], columns["pitch"]
    moved = np.stack([onsets - onsets[:1].sum(), pitches - pitches[:1].sum()]).astype("<i4")
    return hashlib.blake2b(moved.tobytes(), digest_size=16).digest()


def _shared(hashes: Sequence[Hashes]) -> tuple[Any, Any, Any]:
    """Return the pairs of pieces that share runs: first, second, how many."""
    pieces = np.repeat(np.arange(len(hashes)), [len(h) for h in hashes])
    every = np.concatenate([np.empty(0, dtype=np.uint64), *hashes])
    order = np.argsort(every, kind="stable")  # stable: the pieces of a run stay ascending
    every, pieces = every[order], pieces[order]
    begins = np.flatnonzero(np.append(True, every[1:] != every[:-1])) if len(every) else every
    counts = np.diff(np.append(begins, len(every)))
    pairs = [np.empty(0, dtype=np.int64)]
    for count in range(2, MAX_PIECES + 1):
        holders = pieces[begins[counts == count][:, None].astype(np.int64) + np.arange(count)]
        for first in range(count - 1):
            for second in range(first + 1, count):
                pairs.append(holders[:, first] * len(hashes) + holders[:, second])
    found, shared = np.unique(np.concatenate(pairs), return_counts=True)
    return found // max(len(hashes), 1), found % max(len(hashes), 1), shared


def _root(parent: list[int], piece: int) -> int:
    while parent[piece] != piece:
        parent[piece] = parent[parent[piece]]
        piece = parent[piece]
    return piece


def split(
    works: npt.NDArray[np.int32],
    identities: Sequence[bytes],
    validation: float,
    test: float,
) -> Split:
    """Divide pieces by work.

    Where a work goes depends on nothing but the notes of its own pieces: files of other works may
    come and go, and in any order. Another edition is a piece of its own work: with it, or without
    it, the work may go elsewhere. Only where a share of so few works would be none, one is held
    out, as long as another is left to train on.

    Args:
        works: number of each piece's work.
        identities: of each piece's notes.
        validation: share of the works held out for validation, 0 to 1.
        test: share of the works held out for the last judgement, 0 to 1.
    """
    first: dict[int, bytes] = {}
    for work, name in zip(works.tolist(), identities, strict=True):
        first[work] = min(first.get(work, name), name)
    places = {work: _place(name) for work, name in first.items()}
    ordered = sorted(places, key=lambda work: (places[work], first[work]))
    tested = sum(place < test for place in places.values())
    tested = max(tested, int(test > 0 and len(ordered) > 2))
    held_out = sum(place < test + validation for place in places.values())
    held_out = max(held_out, tested + int(validation > 0 and len(ordered) > tested + 1))
    part = {work: 2 if i < tested else 1 if i < held_out else 0 for i, work in enumerate(ordered)}
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for piece, work in enumerate(works.tolist()):
        parts[part[work]].append(piece)
    return Split(*(tuple(pieces) for pieces in parts))


def _place(identity: bytes) -> float:
    """Return a work's place between 0 and 1."""
    hashed = hashlib.blake2b(identity, digest_size=8, person=b"split").digest()
    return int.from_bytes(hashed, "big") / 2**64
