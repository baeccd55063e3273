"""A synth that is slow, or that waits for others: everything is sent earlier or later."""

from __future__ import annotations

import pytest

from live.comparison import compare
from live.replay import replay
from tests.core.room import Room, Sure
from tests.core.test_turns import phrase
from tests.stage import BEGAN_S, Stage


def spoken(latency_ms, **settings):
    room = Room(latency_ms=latency_ms, horizon_ms=100, **settings)
    room.play(*phrase(room, notes=4), until=30)
    return room


@pytest.mark.parametrize("latency_ms", [-250.0, -40.0, 80.0])
def test_notes_are_meant_to_sound_on_the_beat_all_the_same(latency_ms):
    plain, late = spoken(0.0), spoken(latency_ms)
    assert plain.model
    assert [n.pitch for n in late.model] == [n.pitch for n in plain.model]
    assert [n.onset_s for n in late.model] == [n.onset_s for n in plain.model]


@pytest.mark.parametrize("latency_ms", [-250.0, -40.0, 0.0, 80.0])
def test_notes_are_handed_out_a_horizon_before_they_are_sent(latency_ms):
    room = spoken(latency_ms)
    for note in room.model:
        sent_s = note.onset_s + min(latency_ms, 0.0) / 1000
        assert note.handed_out_s <= sent_s - 0.0999


def test_a_turn_that_is_asked_for_begins_where_its_first_note_can_still_be_sent():
    room = Room(mode="continue", latency_ms=-250.0, handover="tick", phrase_end="trigger")
    room.play(room.note(0, 0.5, 60), until=1)
    room.command(1, "your_turn")
    room.pass_until(3.0)
    first = room.model[0]
    assert first.onset_s - 0.25 >= first.handed_out_s
    assert first.onset_s - 0.25 <= first.handed_out_s + 0.05


def test_the_player_can_cut_short_all_that_is_sent_late():
    room = Room(latency_ms=500.0)
    room.play(*phrase(room, notes=4))
    while len(room.turns) < 2:
        room.pass_until(room.core.wake_at() + 1e-6)
    assert max(n.release_s for n in room.model) == pytest.approx(room.now - 0.5)


def test_what_was_sent_early_is_heard_and_stays_in_the_memory():
    room = spoken(-250.0, mode="continue")
    now = room.now
    sent = [n for n in room.model if n.onset_s <= now + 0.25]
    early = [n for n in sent if n.onset_s > now]
    room.play([(now, bytes([0x90, 40, 80]))])
    assert room.yields == [pytest.approx(now + 0.25)]
    assert room.turns[-1].notes == len(sent)
    assert early or sent


@pytest.mark.parametrize("latency_ms", [-300.0, 300.0])
def test_a_replay_knows_what_was_yet_to_be_sent_when_a_core_or_the_session_ended(
    monkeypatch, latency_ms
):
    def network():
        return Sure(shift=(3, 6), duration=(3, 6))

    stage = Stage(monkeypatch, network, mode="continue", bpm=120, latency_ms=latency_ms)
    stage.midi_io.player.latency_s = latency_ms / 1000
    for data in (bytes([0x90, 60, 80]), bytes([0x80, 60, 0])):
        stage.play(data)
    stage.wake()
    for end_s in (6.1, 12.3):
        stage.pass_until(BEGAN_S + end_s)
        stage.die()
        stage.restart()
        stage.wake()
    stage.pass_until(BEGAN_S + 18.7)
    stage.end()
    found = compare(stage.take(), replay(stage.take(), lambda file: network()))
    assert found.recorded > 20
    assert found.alike
