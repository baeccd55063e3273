"""A corpus: all pieces in one table of notes, with their names and works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from live.events import Tokens
from training.columns import NOTE, Columns, encode_columns, notes_of
from training.pieces import Piece
from training.works import Split, identity, same_works, split


@dataclass(frozen=True)
class Corpus:
    """Pieces of music, in the order of their files' paths."""

    columns: Columns
    """The notes of all pieces, one after another."""
    offsets: npt.NDArray[np.int64]
    """Where each piece begins in ``columns``, and the end of the last; shape ``(pieces + 1,)``."""
    names: tuple[str, ...]
    sources: tuple[str, ...]
    """The path of each piece's file."""
    works: npt.NDArray[np.int32]
    """Number of each piece's work; pieces of one work must not be parted in a split."""

    @classmethod
    def of(cls, names: Sequence[str], sources: Sequence[str], notes: Sequence[Columns]) -> Self:
        """Return the corpus of pieces, whose works are told apart by their notes."""
        return cls(
            columns=np.concatenate([np.empty(0, dtype=NOTE), *notes]),
            offsets=np.cumsum([0, *(len(piece) for piece in notes)], dtype=np.int64),
            names=tuple(names),
            sources=tuple(sources),
            works=same_works(notes),
        )

    def __len__(self) -> int:
        return len(self.names)

    def notes(self, piece: int) -> Columns:
        """Return the notes of one piece, as columns."""
        return self.columns[self.offsets[piece] : self.offsets[piece + 1]]

    def tokens(self, piece: int) -> Tokens:
        """Return one piece as events with START and END, shape ``(notes + 2, len(FIELDS))``."""
        return encode_columns(self.notes(piece))

    def piece(self, piece: int) -> Piece:
        """Return one piece as ``Note`` objects."""
        return Piece(self.names[piece], self.sources[piece], notes_of(self.notes(piece)))

    @cached_property
    def identities(self) -> tuple[bytes, ...]:
        """A hash of each piece's notes."""
        return tuple(identity(self.notes(piece)) for piece in range(len(self)))

    def split(self, validation: float = 0.05, test: float = 0.05) -> Split:
        """Divide the pieces by work; the same pieces are always divided the same way.

        Args:
            validation: share of the works held out for validation, 0 to 1.
            test: share of the works held out for the last judgement, 0 to 1.
        """
        return split(self.works, self.identities, validation, test)
