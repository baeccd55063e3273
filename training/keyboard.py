"""Music of many instruments in the hands of one pianist."""

from __future__ import annotations

from typing import Final

import numpy as np

from live.events import DRUMS
from training.columns import Columns

GRAND_PIANO: Final = 0


def reduce_for_keyboard(columns: Columns) -> Columns:
    """Return a piece's notes with every instrument but the drums replaced by a grand piano.

    A key is struck once: of notes that meet on one pitch and onset only the longest stays, as loud
    as the loudest. A key that is struck again while it sounds ends there.
    """
    notes = columns.copy()
    notes["instrument"][notes["instrument"] != DRUMS] = GRAND_PIANO
    keys = [notes[name] for name in ("onset_ticks", "pitch", "instrument")]
    new = np.any([np.diff(key, prepend=key[:1] - 1) != 0 for key in keys], axis=0)
    begins = np.flatnonzero(new)
    kept = notes[begins]
    if not len(kept):
        return kept
    for name in ("duration_ticks", "velocity"):  # what is not known is -1
        kept[name] = np.maximum.reduceat(notes[name], begins)
    by_key = np.lexsort((kept["onset_ticks"], kept["pitch"], kept["instrument"]))
    one, other = kept[by_key[:-1]], kept[by_key[1:]]
    again = (one["pitch"] == other["pitch"]) & (one["instrument"] == other["instrument"])
    gaps = np.where(again, other["onset_ticks"] - one["onset_ticks"], np.iinfo(np.int32).max)
    kept["duration_ticks"][by_key[:-1]] = np.minimum(one["duration_ticks"], gaps)
    kept["duration_ticks"] = np.maximum(kept["duration_ticks"], 1)
    return kept
