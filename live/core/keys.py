"""Keys, scales and chords: what they are made of, how they are spelled, which one music is in."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

FOLLOW: Final = "follow"
"""As a lock: the key of what the player played lately."""
MAJOR_KEYS: Final = 12
"""Keys are numbered: 0 to 11 major, by tonic; 12 to 23 minor, by tonic."""

# Krumhansl and Kessler, "Tracing the dynamic changes in perceived tonal organization in a spatial
# representation of musical keys" (1982): how well each pitch class fits C major and C minor.
# fmt: off
MAJOR_PROFILE: Final = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE: Final = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
# fmt: on

SCALES: Final[dict[str, tuple[int, ...]]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 1, 3, 4, 6, 7, 9, 10),
}
"""Semitones above the tonic."""
CHORDS: Final[dict[str, tuple[int, ...]]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "m9": (0, 2, 3, 7, 10),
}
"""Semitones above the root, by what follows the root's name."""
TONICS: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SPELLING: Final = re.compile(r"([A-Ga-g])([#b]?) ?(.*)")
_SHORT: Final = {"": "major", "m": "minor", "pentatonic": "major pentatonic"}


@cache
def pitch_classes(lock: str) -> frozenset[int]:
    """Return the pitch classes of a scale or chord: "D dorian", "Am", "F# minor", "G7 chord".

    Raises:
        ValueError: there is none of this name.
    """
    words = " ".join(lock.split())
    chord = words.removesuffix(" chord")
    found = _SPELLING.fullmatch(chord)
    if found is not None:
        tonic = _LETTERS[found[1].upper()] + {"": 0, "#": 1, "b": -1}[found[2]]
        steps = (
            CHORDS.get(found[3])
            if chord != words
            else SCALES.get(_SHORT.get(found[3].lower(), found[3].lower()))
        )
        if steps is not None:
            return frozenset((tonic + step) % 12 for step in steps)
    raise ValueError(
        f'should be "", "{FOLLOW}", a scale such as "D dorian" ({", ".join(SCALES)}), or a chord '
        'such as "Am7 chord"'
    )


def spelled_lock(text: str) -> str:
    """Return a lock as it is kept: "" and "follow" as they are, anything else checked.

    Raises:
        ValueError: it is no scale and no chord.
    """
    words = " ".join(text.split())
    if words.lower() in ("", FOLLOW):
        return words.lower()
    pitch_classes(words)
    return words


def best_key(weights: npt.NDArray[np.float64]) -> int:
    """Return the key that fits best, by the algorithm of Krumhansl and Schmuckler.

    Krumhansl, "Cognitive Foundations of Musical Pitch" (1990): the key whose profile correlates
    best with how long each pitch class sounds.

    Args:
        weights: how long each of the 12 pitch classes sounds, (12,), in any unit.

    Returns:
        0 to 11: major, by tonic; 12 to 23: minor, by tonic; -1: all sound equally long.
    """
    if np.ptp(weights) == 0:
        return -1
    centred = weights - weights.mean()
    return int(np.argmax(_PROFILES @ centred))


def key_name(key: int) -> str:
    """Return the name of a numbered key; "" for -1."""
    if key < 0:
        return ""
    return f"{TONICS[key % 12]} {'major' if key < MAJOR_KEYS else 'minor'}"


def key_pitch_classes(key: int) -> frozenset[int]:
    """Return what belongs to a numbered key; to a minor one its leading note as well."""
    steps = SCALES["major"] if key < MAJOR_KEYS else (*SCALES["minor"], 11)
    return frozenset((key + step) % 12 for step in steps)


def _profiles() -> npt.NDArray[np.float64]:
    """Return the profiles of all keys, (24, 12), so that a product with weights correlates."""
    rows = np.array([np.roll(p, t) for p in (MAJOR_PROFILE, MINOR_PROFILE) for t in range(12)])
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.linalg.norm(centred, axis=1, keepdims=True))


_PROFILES: Final = _profiles()
