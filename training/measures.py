"""Measures of music as it is heard: what it is made of, whether it loops, whether it goes on.

All of them look at events, (n, at least P) tokens. Drums have no pitch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from live.core.keys import best_key
from live.events import (
    COLUMN,
    DRUMS,
    DURATION,
    INSTRUMENT,
    SHIFT,
    TICKS_PER_BEAT,
    UNKNOWN,
    Tokens,
    decode,
)

TOGETHER: Final = SHIFT.encode(0)
LARGEST_CHORD: Final = 16
"""Larger chords count as this large."""
WIDEST_STEP: Final = 24
"""Semitones; wider steps of the highest line count as this wide."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def _pitches(events: Tokens) -> Integers:
    notes = events[events[:, COLUMN["pitch"]] != UNKNOWN]
    pitched = notes[notes[:, COLUMN["instrument"]] != INSTRUMENT.encode(DRUMS)]
    return np.asarray(pitched[:, COLUMN["pitch"]] - 1, dtype=np.int64)


def _pitch_classes(events: Tokens) -> Integers:
    return _pitches(events) % 12


def _registers(events: Tokens) -> Integers:
    return _pitches(events) // 6


def _pitch_intervals(events: Tokens) -> Integers:
    """Return the steps of the highest line, in semitones, counted from the widest one down."""
    notes = events[events[:, COLUMN["pitch"]] != UNKNOWN]
    pitched = notes[notes[:, COLUMN["instrument"]] != INSTRUMENT.encode(DRUMS)]
    # Chords are spelled from the lowest note up: the last before the next onset is the highest.
    highest = np.append(pitched[1:, COLUMN["shift"]] != TOGETHER, True)[: len(pitched)]
    steps = np.diff(pitched[highest, COLUMN["pitch"]])
    return np.asarray(np.clip(steps, -WIDEST_STEP, WIDEST_STEP) + WIDEST_STEP, dtype=np.int64)


def _onset_intervals(events: Tokens) -> Integers:
    shifts = events[:, COLUMN["shift"]]
    return np.asarray(shifts[(shifts != UNKNOWN) & (shifts != TOGETHER)], dtype=np.int64)


def _durations(events: Tokens) -> Integers:
    durations = events[:, COLUMN["duration"]]
    return np.asarray(durations[durations != UNKNOWN], dtype=np.int64)


def _chord_sizes(events: Tokens) -> Integers:
    notes = events[events[:, COLUMN["pitch"]] != UNKNOWN]
    begins = np.flatnonzero(notes[:, COLUMN["shift"]] != TOGETHER)
    sizes = np.diff(np.append(np.union1d([0], begins), len(notes))) if len(notes) else begins
    return np.minimum(sizes, LARGEST_CHORD).astype(np.int64)


FEATURES: Final[dict[str, tuple[Callable[[Tokens], Integers], int]]] = {
    "pitch class": (_pitch_classes, 12),
    "pitch interval": (_pitch_intervals, 2 * WIDEST_STEP + 1),
    "onset interval": (_onset_intervals, SHIFT.size),
    "duration": (_durations, DURATION.size),
    "chord size": (_chord_sizes, LARGEST_CHORD + 1),
    "register": (_registers, 22),
}
"""What music is made of: each value below the number beside it. Registers are half octaves; pitch
intervals are the steps of the highest line."""


def histogram(feature: str, events: Tokens) -> Floats:
    """Return how often each value of a feature occurs, (values,)."""
    values, size = FEATURES[feature]
    return np.bincount(values(events), minlength=size).astype(np.float64)


def in_chords(events: Tokens) -> float:
    """Return the share of events, at least one, that sound together with the one before."""
    return float(np.mean(events[:, COLUMN["shift"]] == TOGETHER))


def divergence(first: Floats, second: Floats) -> float:
    """Return the Jensen-Shannon divergence of two histograms in bits: 0 if equal, 1 if disjoint.

    Lin, "Divergence measures based on the Shannon entropy" (1991). An empty histogram is as far
    from any other as can be.
    """
    if not first.sum() or not second.sum():
        return float(first.sum() != second.sum())
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    return float(_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _relative_entropy(p: Floats, q: Floats) -> Any:
    met = p > 0
    return (p[met] * np.log2(p[met] / q[met])).sum()


def loops(events: Tokens, notes: int = 8, times: int = 3) -> bool:
    """Return whether the same notes come again and again: the same pitches in the same rhythm.

    Args:
        events: the music.
        notes: that are repeated, as a block.
        times: that the block stands in a row, at the least.
    """
    pitch, shift = events[:, COLUMN["pitch"]], events[:, COLUMN["shift"]]
    run = notes * (times - 1)
    if len(events) < notes + run:
        return False
    same = pitch[notes:] == pitch[:-notes]
    in_time = same & (shift[notes:] == shift[:-notes])
    # When the first block came in is no part of it: of its first note only the pitch counts.
    counts = np.convolve(in_time[1:], np.ones(run - 1, dtype=np.int64), mode="valid")
    return bool((same[: len(counts)] & (counts == run - 1)).any())


@dataclass(frozen=True)
class Manner:
    """What a listener would say first of a passage."""

    key: int
    """0 to 11: major, by tonic; 12 to 23: minor. -1: no pitch sounds."""
    density: float
    """Notes a beat."""
    middle: float
    """Median pitch; NaN without pitches."""


def key_of(events: Tokens) -> int:
    """Return the key that fits best, see ``live.core.keys.best_key``.

    A note of unknown duration counts as one beat. -1: no pitch sounds, or all equally.
    """
    drums = INSTRUMENT.encode(DRUMS)
    pitched = events[events[:, COLUMN["instrument"]] != drums] if len(events) else events
    weights = np.zeros(12)
    for note in decode(pitched):
        weights[note.pitch % 12] += note.duration_ticks or TICKS_PER_BEAT
    return best_key(weights)


def manner_of(events: Tokens, beats: float) -> Manner:
    """Return key, density and register of a passage that lasts so many beats."""
    pitches = _pitches(events)
    middle = float(np.median(pitches)) if len(pitches) else float("nan")
    count = np.count_nonzero(events[:, COLUMN["pitch"]] != UNKNOWN)
    return Manner(key_of(events), count / beats if beats > 0 else 0.0, middle)


def agreements(prompt: Manner, answer: Manner) -> dict[str, bool]:
    """Return in what an answer goes on as its prompt did."""
    ratio = answer.density / prompt.density if prompt.density else float("inf")
    return {
        "key": prompt.key == answer.key != -1,
        "density": 1 / 1.5 <= ratio <= 1.5,
        "register": abs(answer.middle - prompt.middle) <= 12,
    }


def beginning(events: Tokens, length_ticks: int) -> tuple[Tokens, float]:
    """Return the events of a passage's first ticks, and how many beats they fill.

    Time begins with the event before the passage; the passage may be over sooner.
    """
    onsets = np.cumsum([SHIFT.decode(int(token)) or 0 for token in events[:, COLUMN["shift"]]])
    inside = onsets <= length_ticks
    last = int(onsets[-1]) if len(onsets) else 0
    return events[inside], min(length_ticks, last) / TICKS_PER_BEAT


def mean_divergence(feature: str, pairs: Sequence[tuple[Tokens, Tokens]]) -> float:
    """Return the mean divergence of a feature between the two of each pair."""
    return float(
        np.mean([divergence(histogram(feature, a), histogram(feature, b)) for a, b in pairs])
    )
