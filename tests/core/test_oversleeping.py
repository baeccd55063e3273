"""A machine that slept: the model goes on from where the music is now, and makes up for nothing."""

from __future__ import annotations

import math

import pytest

from tests.core.room import FlatNetwork, Room


def asleep_until(room, seconds):
    """Nobody runs, and then the core is asked again."""
    room.now = seconds
    before = len(room.model)
    room._take(room.core.advance(seconds))
    return room.model[before:]


@pytest.mark.parametrize("slept_s", [1.0, 30.0, 8 * 3600.0])
@pytest.mark.parametrize("mode", ["continue", "duet"])
def test_it_goes_on_on_the_next_beat_and_plays_nothing_of_what_it_slept_through(mode, slept_s):
    network = FlatNetwork()
    room = Room(mode=mode, bpm=120, network=network)
    room.play(room.note(0, 0.9, 60), until=12)
    assert room.model
    drawn = network.events_run
    woke_s = room.now + slept_s
    late = asleep_until(room, woke_s)
    assert network.events_run - drawn < 500  # it does not plan through the night
    room.pass_until(woke_s + 8)
    after = [n for n in room.model if n.handed_out_s >= woke_s]
    assert after
    assert [n for n in late if n.onset_s < woke_s] == []
    assert all(n.onset_s >= woke_s for n in after)
    # Its first note stands on a beat.
    first = min(n.onset_s for n in after)
    tick = room.core.clock.tick_at(first)
    downbeat = room.core.clock.downbeat_tick
    assert (tick - downbeat) % 24 == pytest.approx(0, abs=1e-3)
    assert first - woke_s <= 0.51


def test_a_knob_that_was_turned_before_brings_no_late_note_and_no_other_beat():
    for seed in range(8):
        room = Room(mode="continue", bpm=120, seed=seed)
        room.play(room.note(0, 0.9, 60), until=12)
        for temperature in (0.9, 0.8):  # the second one waits for more
            room._take(room.core.change(room.now, temperature=temperature))
        woke_s = room.now + 3.1
        late = asleep_until(room, woke_s)
        room.pass_until(woke_s + 2)
        after = [n.onset_s for n in room.model if n.handed_out_s >= woke_s]
        assert [n for n in late if n.onset_s < woke_s] == []
        assert after[0] / room.beat == pytest.approx(math.ceil(woke_s / room.beat))


def test_an_answer_that_was_slept_through_is_over():
    room = Room(mode="call", bpm=120)
    room.play(*[room.note(i, 0.9, 60 + i) for i in range(4)], until=7)
    assert [turn.turn for turn in room.turns] == ["model"]
    count = len(room.model)
    assert asleep_until(room, 600.0) == []
    room.pass_until(620.0)
    assert len(room.model) == count
    assert [turn.turn for turn in room.turns] == ["model", "player"]
    assert room.core.wake_at() is None


def test_a_moment_of_lateness_loses_no_note():
    def onsets(late_s):
        room = Room(mode="continue", bpm=120, seed=4)
        room.play(room.note(0, 0.9, 60), until=8)
        asleep_until(room, 4.0 + late_s)
        room.pass_until(10)
        return [(n.onset_s, n.pitch) for n in room.model]

    assert onsets(0.3) == onsets(0.0)
    assert onsets(2.0) != onsets(0.0)
