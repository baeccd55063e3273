"""The guard against haste: a model that has got into a run finds out of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.core.haste import (
    NOTES_PER_S,
    ONSET_S,
    ONSETS_AT_ONCE,
    calming_bias,
    unhurried_tick,
)
from live.events import SHIFT
from live.prediction import FIELD_SLICE
from tests.core.room import FlatNetwork, Room, Sure


class Tremolo(Sure):
    """Strikes chords, as large as they may be, one after the other."""

    def __init__(self):
        super().__init__(shift=(2,))
        self._likely[FIELD_SLICE["shift"].start + SHIFT.encode(0)] = 12.0
        pitches = self._likely[FIELD_SLICE["pitch"]]
        pitches[:] = np.linspace(40.0, 0.0, len(pitches))  # from the lowest up


def seconds_of_a_model(network, bpm=120.0, phrase=(60, 64, 67)):
    """Let it go on for a while; return its notes and onsets in each second, and per second."""
    room = Room(network, mode="continue", bpm=bpm)
    room.play(*[room.note(i, 0.9, pitch) for i, pitch in enumerate(phrase)], until=80)
    onsets = np.sort([note.onset_s for note in room.model])
    return [onsets[(onsets >= s) & (onsets < s + 1)] for s in onsets[onsets < onsets[-1] - 1]]


def most(seconds):
    return max(len(each) for each in seconds)


@pytest.mark.parametrize("bpm", [60.0, 120.0, 240.0])
def test_no_run_is_faster_than_hands_for_long(bpm):
    seconds = [np.unique(np.round(each, 4)) for each in seconds_of_a_model(Sure(shift=(1,)), bpm)]
    assert most(seconds) <= 1 / ONSET_S + ONSETS_AT_ONCE
    if bpm > 60:  # there a tick is slow enough
        assert most(seconds) > 10


def test_chords_that_never_rest_come_to_little_more_than_music():
    assert most(seconds_of_a_model(Tremolo())) < 1.6 * NOTES_PER_S


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.floats(0.001, 0.1))
def test_who_waits_for_the_unhurried_tick_keeps_the_pace(gaps, tick_s):
    onsets = [0]
    for gap in gaps:
        earliest = max(onsets[-1] + max(1, gap), unhurried_tick(onsets, tick_s))
        onsets.append(int(np.ceil(earliest)))
    for first in range(len(onsets)):
        for last in range(first, len(onsets)):
            spent_s = (onsets[last] - onsets[first]) * tick_s
            assert last - first + 1 <= spent_s / ONSET_S + ONSETS_AT_ONCE + 1e-6


def test_an_ornament_is_no_haste():
    for count in range(ONSETS_AT_ONCE):
        assert unhurried_tick(range(count), 0.02) <= count
    assert unhurried_tick(range(3 * ONSETS_AT_ONCE), 0.02) > 3 * ONSETS_AT_ONCE


def test_the_fuller_the_beat_the_longer_the_rests():
    shifts = FIELD_SLICE["shift"]

    def tilt(notes, players=0):
        """Return what a rest of a beat has over the next note of a chord, nats."""
        bias = calming_bias(np.arange(notes) % 20, 19, 0.5 / 24, players)[shifts]
        return bias[SHIFT.encode(24)] - bias[SHIFT.encode(0)]

    assert tilt(NOTES_PER_S // 2) == 0
    assert 0 < tilt(NOTES_PER_S // 2 + 1) < tilt(NOTES_PER_S)
    assert tilt(NOTES_PER_S, players=NOTES_PER_S) == 0  # who plays so is answered so


def test_notes_of_a_beat_ago_count_no_more():
    assert not calming_bias(np.arange(100), 200, 0.5 / 24, 0).any()


def test_a_flat_network_is_left_alone():
    assert most(seconds_of_a_model(FlatNetwork())) < NOTES_PER_S
