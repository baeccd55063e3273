"""Settings that are changed while the core plays."""

import pytest

from live.messages import Changed
from tests.core.room import Room


def test_a_new_tempo_moves_what_is_to_come_and_nothing_that_has_sounded():
    room = Room(mode="continue")
    room.play(room.note(0, 0.9, 60), until=8)
    before = [n for n in room.model if n.handed_out_s < room.now]
    moment = room.now

    actions = room.core.change(moment, bpm=60.0)
    room._take(actions)
    room.pass_until(moment + 10)

    assert Changed(moment, "bpm", 60.0) in room.others
    assert room.model[: len(before)] == before
    tick_s = 1.0 / 24
    origin_s = room.core.clock.time_of(0)
    later = [n for n in room.model if n.onset_s > moment + 0.2]
    assert later
    for note in later:
        ticks = (note.onset_s - origin_s) / tick_s
        assert ticks == pytest.approx(round(ticks), abs=1e-6)


def test_a_new_bound_holds_from_the_horizon_on():
    room = Room(mode="continue")
    room.play(room.note(0, 0.9, 60), until=8)
    moment = room.now

    room._take(room.core.change(moment, lowest_pitch=60, highest_pitch=72))
    room.pass_until(moment + 10)

    later = [n for n in room.model if n.onset_s > moment + 0.2]
    assert later
    assert all(60 <= n.pitch <= 72 for n in later)
