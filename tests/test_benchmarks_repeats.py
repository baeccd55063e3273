"""Which notes of a piece repeat what stood before, and how long ago that was."""

from __future__ import annotations

import numpy as np

from benchmarks.repeats import NEW, kinds
from live.events import COLUMN, FIELDS, PITCH
from tests.music import tune


def events(pitches):
    found = np.zeros((len(pitches), len(FIELDS)), dtype=np.int32)
    found[:, COLUMN["pitch"]] = [PITCH.encode(pitch) for pitch in pitches]
    return found


def test_each_note_after_four_known_ones_tells_how_long_ago_they_stood():
    theme = tune(1, 40)
    found = kinds(events(theme + tune(2, 60) + theme))
    assert len(found) == 139
    # The first four of the theme are what it is known by.
    assert set(found[-36:]) == {"at most 128"}
    assert found[40:98].count(NEW) > 50


def test_a_note_that_goes_on_otherwise_is_new():
    theme = tune(1, 12)
    assert kinds(events(theme + theme))[-1] == "at most 64"
    assert kinds(events([*theme, *theme[:-1], 80]))[-1] == NEW
