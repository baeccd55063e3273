"""Steering, on a simulated clock, with a network that has no leanings of its own."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from live.events import DURATION, SHIFT
from tests.core.room import FlatNetwork, Room, Sure

PLAYED = [60, 64, 67, 72, 60, 64, 67, 72]
LEVELS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def played(until=100, network=None, **settings):
    room = Room(network or FlatNetwork(), mode="continue", **settings)
    room.play(*[room.note(i, 0.9, pitch, 64) for i, pitch in enumerate(PLAYED)], until=until)
    return room.model


def rises(values):
    return all(a < b for a, b in pairwise(values))


def test_denser_means_more_onsets_in_the_same_time():
    steady = Sure(shift=[t for t in SHIFT.values if 0 < t <= 48], confidence=6.0)
    counts = [len({n.onset_s for n in played(network=steady, density=d)}) for d in LEVELS]
    assert rises(counts)
    assert counts[-1] > 2 * counts[0]


def test_higher_is_higher_than_the_player_plays():
    means = [statistics.mean(n.pitch for n in played(pitch=p)) for p in LEVELS]
    assert rises(means)
    # The same steering above another register.
    room = Room(mode="continue", pitch=1.0)
    room.play(*[room.note(i, 0.9, pitch - 30, 64) for i, pitch in enumerate(PLAYED)], until=100)
    assert statistics.mean(n.pitch for n in room.model) < means[-1]


@pytest.mark.parametrize("velocity", ["auto", "player", "model"])
def test_louder_is_louder_whoever_decides(velocity):
    network = Sure(velocity=range(2, 128, 4), confidence=0.0)
    means = [
        statistics.mean(n.velocity for n in played(network=network, loudness=x, velocity=velocity))
        for x in LEVELS
    ]
    assert rises(means)


def test_longer_notes_are_longer_and_nothing_else_changes():
    lengths, onsets = [], []
    even = Sure(duration=DURATION.values, confidence=0.0)
    for length in LEVELS:
        notes = played(network=even, length=length)
        lengths.append(statistics.mean(n.release_s - n.onset_s for n in notes))
        onsets.append([(n.onset_s, n.pitch) for n in notes])
    assert rises(lengths)
    assert all(each == onsets[0] for each in onsets)


def test_steering_stays_within_the_bounds():
    bounds = {"lowest_pitch": 55, "highest_pitch": 67, "notes_per_beat": 2, "voices": 2}
    notes = played(density=1.0, pitch=1.0, loudness=1.0, length=1.0, key="C major", **bounds)
    assert len(notes) > 10
    assert all(55 <= n.pitch <= 67 and n.pitch % 12 in {0, 2, 4, 5, 7, 9, 11} for n in notes)
    assert all(n.velocity <= 127 for n in notes)


def test_a_turned_knob_is_heard_soon():
    room = Room(mode="continue")
    room.play(*[room.note(i, 0.9, pitch) for i, pitch in enumerate(PLAYED)], until=20)
    moment = room.now
    room._take(room.core.change(moment, pitch=-1.0))
    room.pass_until(moment + 30)
    before = [n.pitch for n in room.model if n.onset_s < moment]
    after = [n.pitch for n in room.model if n.onset_s > moment + 0.3]
    assert statistics.mean(after) < statistics.mean(before) - 3
