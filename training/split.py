"""Which pieces are learnt from, and which are held out to judge by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from training.pieces import Piece


def split(pieces: Sequence[Piece], held_out: float) -> tuple[list[Piece], list[Piece]]:
    """Split pieces for training and validation, the same way every time.

    The side hangs on the notes alone, whatever the key: a piece that stands twice, even
    transposed, does not end up on both sides. Where no piece would be held out, one is.

    Returns:
        Pieces for training, which may be none, and pieces held out.
    """
    shares = [_share(piece) for piece in pieces]
    limit = max(held_out, float(np.nextafter(min(shares, default=0.0), 1.0)))
    sides: tuple[list[Piece], list[Piece]] = ([], [])
    for piece, share in zip(pieces, shares, strict=True):
        sides[share < limit].append(piece)
    return sides


def _share(piece: Piece) -> float:
    """Return a number from 0 to 1 that hangs on the piece's onsets and intervals alone."""
    first = piece.notes[0]
    shape = [(n.onset_ticks - first.onset_ticks, n.pitch - first.pitch) for n in piece.notes]
    digest = hashlib.sha256(np.array(shape, dtype="<i4").tobytes()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
