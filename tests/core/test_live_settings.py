"""Settings that are changed while the core plays."""

from itertools import pairwise

import pytest

from live.messages import Changed
from tests.core.room import Room, Sure


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


def test_a_turn_is_not_over_while_notes_of_a_slower_tempo_sound():
    room = Room(Sure(shift=(6,), duration=(24,), confidence=20.0), bpm=60.0, horizon_ms=1000.0)
    room.play(room.note(0, 4, 60), until=7)
    room._take(room.core.change(room.now, bpm=180.0))
    while len(room.turns) < 2:
        room.pass_until(room.core.wake_at() + 1e-6)
    assert room.now >= max(n.release_s for n in room.model)


def test_a_new_bound_holds_from_the_horizon_on():
    room = Room(mode="continue")
    room.play(room.note(0, 0.9, 60), until=8)
    moment = room.now

    room._take(room.core.change(moment, lowest_pitch=60, highest_pitch=72))
    room.pass_until(moment + 10)

    later = [n for n in room.model if n.onset_s > moment + 0.2]
    assert later
    assert all(60 <= n.pitch <= 72 for n in later)


def test_a_shorter_horizon_leaves_no_gap():
    room = Room(Sure(shift=(6,), duration=(96,)), mode="continue", horizon_ms=400)
    room.play(room.note(0, 0.9, 60), until=8)
    room._take(room.core.change(room.now, horizon_ms=20.0))
    room._take(room.core.advance(room.now))
    room.pass_until(16 * room.beat)
    assert all(note.handed_out_s <= note.onset_s for note in room.model)
    onsets = [note.onset_s / room.beat for note in room.model]
    assert max(b - a for a, b in pairwise(onsets)) < 1


def test_what_holds_already_changes_nothing():
    room = Room(mode="continue")
    room.play(room.note(0, 0.9, 60), until=8)
    assert room.core.change(room.now, bpm=room.settings.bpm, temperature=1.0) == []


def test_settings_that_do_not_fit_together_are_refused_in_one_line():
    room = Room()
    (said,) = room.core.change(1.0, lowest_pitch=105)
    assert "octave" in said.line
    assert room.core.settings == room.settings


def test_a_knob_that_sends_many_values_does_not_thin_the_music_out():
    def onsets(flood):
        room = Room(mode="continue", seed=3)
        room.play(room.note(0, 0.9, 60), until=8)
        if flood:
            for step in range(1600):
                room.pass_until(8 * room.beat + step / 100)
                room._take(room.core.change(room.now, temperature=1 + step / 10000))
        room.pass_until(40 * room.beat)
        return [n for n in room.model if n.onset_s > 8 * room.beat], room.core.counters

    steady, _ = onsets(flood=False)
    turned, counters = onsets(flood=True)
    assert len(turned) > 0.7 * len(steady)
    assert counters["plans anew"] <= 161


def test_a_view_shows_both_and_what_is_planned():
    room = Room(mode="continue", bpm=120)
    room.play(room.note(0, 0.9, 60), room.note(1, 0.9, 64), until=4)
    now = room.now
    view = room.core.view(now)
    assert view.turn == "model"
    assert (view.bpm, view.mode, view.clock) == (pytest.approx(120), "continue", "internal")
    beat_now = view.beat + (now - view.beat_time_s) * view.bpm / 60
    assert beat_now == pytest.approx(room.core.clock.tick_at(now) / 24)
    player = [n for n in view.notes if n.who == "player"]
    assert [(n.pitch, n.velocity) for n in player] == [(60, 80), (64, 80)]
    model = [n for n in view.notes if n.who == "model"]
    assert {n.onset_s for n in model if n.committed} == {n.onset_s for n in room.model}
    assert all(n.onset_s > now for n in model if not n.committed)
    assert any(not n.committed for n in model)
    planned = next(n for n in model if not n.committed)
    room.pass_until(planned.onset_s + 0.1)
    later = {n.id: n for n in room.core.view(room.now).notes}
    assert later[planned.id].committed
    assert later[planned.id].onset_s == pytest.approx(planned.onset_s)
    assert room.core.view(room.now) == room.core.view(room.now + 0.01)
