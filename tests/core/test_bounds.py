"""Bounds: kept by every note, on a simulated clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.core.bounds import Own, allowed_shifts, first_free_tick
from live.core.keys import pitch_classes
from live.core.settings import PerformerSettings
from live.events import SHIFT, TICKS_PER_BEAT
from tests.core.room import FlatNetwork, Room, Sure

MAJOR_IN_D = [62, 66, 69, 74, 73, 71, 69, 67, 66, 64, 62]
DENSE = {"shift": (0, 1, 2, 3)}
"""Values of a network that likes to play fast and in chords."""


def continued(network=None, until=60, notes=(60, 64, 67), **settings):
    room = Room(network or FlatNetwork(), mode="continue", **settings)
    room.play(*[room.note(i, 0.9, pitch) for i, pitch in enumerate(notes)], until=until)
    assert len(room.model) > 8
    return room


def ticks_of(room):
    return [round(room.core.clock.tick_at(n.onset_s)) for n in room.model]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_beat_holds_more_notes_than_allowed_wherever_it_begins(most):
    free = ticks_of(continued(Sure(**DENSE)))
    ticks = ticks_of(continued(Sure(**DENSE), notes_per_beat=most))

    def fullest(those):
        return max(sum(t - TICKS_PER_BEAT < other <= t for other in those) for t in those)

    assert fullest(free) > 5
    assert fullest(ticks) == most


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_voices_sound_at_once_than_allowed(most):
    def fullest(room):
        return max(
            sum(
                n.onset_s <= m.onset_s + 1e-9 and n.release_s > m.onset_s + 1e-6 for n in room.model
            )
            for m in room.model
        )

    busy = Sure(duration=(96,), shift=(6,))
    assert fullest(continued(busy)) > 3
    assert fullest(continued(busy, voices=most)) == most


def test_long_notes_are_waited_for_however_long():
    # 32 beats, the longest note there is: the next one has to wait for all of them.
    room = Room(Sure(duration=(32 * TICKS_PER_BEAT,), confidence=20), mode="continue", voices=1)
    room.play(room.note(0, 0.9, 60), until=200)
    onsets = [n.onset_s / room.beat for n in room.model]
    assert len(onsets) > 4
    assert [b - a for a, b in pairwise(onsets)] == pytest.approx([32] * (len(onsets) - 1))


def test_a_faster_tempo_does_not_let_voices_pile_up():
    room = Room(Sure(duration=(96,)), mode="continue", voices=2, bpm=40)
    room.play(room.note(0, 0.9, 60), until=12)
    room._take(room.core.change(room.now, bpm=400.0))
    room.pass_until(room.now + 20)
    for m in room.model:
        sounding = [
            n for n in room.model if n.onset_s <= m.onset_s and n.release_s > m.onset_s + 1e-6
        ]
        assert len(sounding) <= 2


def test_a_beat_across_a_leap_of_the_tempo_holds_no_more_notes_either():
    for seed in range(14):
        room = Room(
            Sure(shift=(0, 3, 6), duration=(3,)),
            mode="continue",
            bpm=40,
            notes_per_beat=4,
            seed=seed,
        )
        room.play(room.note(0, 0.5, 60), until=8)
        ticks = ticks_of(room)
        given = len(room.model)
        room._take(room.core.change(room.now, bpm=240.0))
        room.pass_until(room.now + 2)
        ticks += ticks_of(room)[given:]
        assert max(sum(t - TICKS_PER_BEAT < other <= t for other in ticks) for t in ticks) == 4


@pytest.mark.parametrize("key", ["D dorian", "F# minor pentatonic", "G7 chord"])
def test_scale_and_chord_locks_hold(key):
    room = continued(key=key)
    assert {n.pitch % 12 for n in room.model} == pitch_classes(key)


def test_follow_keeps_to_the_key_that_the_player_plays_in():
    room = continued(key="follow", notes=MAJOR_IN_D)
    assert room.core.view(room.now).key == "D major"
    assert {n.pitch % 12 for n in room.model} == pitch_classes("D major")


def test_follow_goes_with_the_player_to_another_key():
    room = Room(mode="duet", key="follow")
    room.play(*[room.note(i / 2, 0.4, pitch) for i, pitch in enumerate(MAJOR_IN_D * 2)])
    room.pass_until(room.now + 0.5)
    moved = room.now
    there = [pitch + 6 for pitch in MAJOR_IN_D * 9]
    start = moved / room.beat
    room.play(*[room.note(start + i / 2, 0.4, pitch) for i, pitch in enumerate(there)])
    assert room.core.view(room.now).key == "Ab major"
    first = [n for n in room.model if n.onset_s < moved]
    last = [n for n in room.model if n.onset_s > moved + 30 * room.beat]
    assert first
    assert last
    assert {n.pitch % 12 for n in last} <= pitch_classes("Ab major")


def test_two_notes_tell_no_key():
    room = continued(key="follow", notes=(60, 67))
    assert room.core.view(room.now).key == ""
    assert len({n.pitch % 12 for n in room.model}) > 7


def test_a_bound_holds_as_soon_as_it_is_set():
    room = continued(Sure(**DENSE, duration=(6,)), until=20)
    moment = room.now
    room._take(room.core.change(moment, notes_per_beat=2, key="C major", voices=2))
    given_before = len(room.model)
    room.pass_until(moment + 20)
    later = room.model[given_before:]
    assert len(later) > 20
    assert {n.pitch % 12 for n in later} <= pitch_classes("C major")
    ticks = [round(room.core.clock.tick_at(n.onset_s)) for n in later]
    assert max(sum(t - TICKS_PER_BEAT < other <= t for other in ticks) for t in ticks) == 2


def test_what_the_player_does_counts_for_no_bound():
    room = Room(Sure(duration=(12,)), mode="duet", voices=1, notes_per_beat=1, key="C major")
    room.play(*[room.note(i / 2, 2, 61 + i % 12) for i in range(80)], until=42)
    assert len(room.model) > 10


@given(
    onsets=st.lists(st.integers(0, 100), max_size=8),
    lengths=st.lists(st.integers(1, 900), min_size=8, max_size=8),
    voices=st.integers(0, 3),
    per_beat=st.integers(0, 3),
    earliest=st.integers(100, 1200),
)
def test_every_shift_that_is_allowed_leads_to_a_free_place(
    onsets, lengths, voices, per_beat, earliest
):
    settings = PerformerSettings(voices=voices, notes_per_beat=per_beat)
    ends = tuple(onset + length for onset, length in zip(onsets, lengths, strict=False))
    own = Own(tuple(onsets), ends)

    def is_free(tick):
        sounding = sum(end > tick for end in ends)
        begun = sum(onset > tick - TICKS_PER_BEAT for onset in onsets)
        return (not voices or sounding < voices) and (not per_beat or begun < per_beat)

    allowed = allowed_shifts(settings, own, 100, earliest)
    for token in allowed.nonzero()[0]:
        tick = 100 + SHIFT.decode(int(token))
        assert tick >= earliest
        assert is_free(tick)
    first = first_free_tick(settings, own, earliest)
    assert is_free(first)
    assert not any(is_free(tick) for tick in range(earliest, first))
