"""Scales, chords and the key of what is played."""

from __future__ import annotations

import numpy as np
import pytest

from live.core.keys import (
    CHORDS,
    SCALES,
    best_key,
    key_name,
    key_pitch_classes,
    pitch_classes,
    spelled_lock,
)


@pytest.mark.parametrize(
    ("lock", "classes"),
    [
        ("C major", {0, 2, 4, 5, 7, 9, 11}),
        ("D dorian", {0, 2, 4, 5, 7, 9, 11}),
        ("  D   Dorian ", {0, 2, 4, 5, 7, 9, 11}),
        ("Am", {0, 2, 4, 5, 7, 9, 11}),
        ("a minor", {0, 2, 4, 5, 7, 9, 11}),
        ("A harmonic minor", {0, 2, 4, 5, 8, 9, 11}),
        ("Bb", {10, 0, 2, 3, 5, 7, 9}),
        ("Cb major", {11, 1, 3, 4, 6, 8, 10}),
        ("G pentatonic", {7, 9, 11, 2, 4}),
        ("G7 chord", {7, 11, 2, 5}),
        ("F#m7b5 chord", {6, 9, 0, 4}),
        ("C chord", {0, 4, 7}),
    ],
)
def test_locks_are_spelled_as_musicians_spell_them(lock, classes):
    assert pitch_classes(" ".join(lock.split())) == classes
    assert spelled_lock(lock) == " ".join(lock.split())


@pytest.mark.parametrize(
    "lock", ["H major", "D dorain", "G7", "C# ", "chord", "minor", "Am7 chords"]
)
def test_what_is_no_scale_and_no_chord_is_refused(lock):
    if lock.strip() == "C#":
        assert spelled_lock(lock) == "C#"  # a key by its tonic alone is major
        return
    with pytest.raises(ValueError, match="D dorian"):
        spelled_lock(lock)


def test_every_scale_and_chord_holds_its_tonic_and_steps_within_an_octave():
    for steps in [*SCALES.values(), *CHORDS.values()]:
        assert steps[0] == 0
        assert list(steps) == sorted(set(steps))
        assert steps[-1] < 12


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("scale", ["major", "harmonic minor"])
def test_key_is_found_from_its_scale_with_its_triad(tonic, scale):
    weights = np.zeros(12)
    for step in SCALES[scale]:
        weights[(tonic + step) % 12] += 1
    for step in CHORDS["" if scale == "major" else "m"]:
        weights[(tonic + step) % 12] += 2
    key = best_key(weights)
    assert key == tonic + (0 if scale == "major" else 12)
    assert key_name(key).endswith("major" if scale == "major" else "minor")
    assert {(tonic + step) % 12 for step in SCALES[scale]} <= key_pitch_classes(key)


def test_nothing_and_everything_have_no_key():
    assert best_key(np.zeros(12)) == -1
    assert best_key(np.ones(12)) == -1
    assert key_name(-1) == ""
