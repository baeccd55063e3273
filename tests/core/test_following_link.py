"""The music follows Ableton Link's timeline, on a simulated clock."""

from __future__ import annotations

import pytest

from live.core.midi_clock import CLOCK, START
from live.messages import Changed, LinkSaid, LinkState, Said, SetLink
from tests.core.room import Room
from tests.stage import Stage


class Timeline:
    """Link's timeline as its process tells of it: a beat at a moment, and a tempo."""

    def __init__(self, room, bpm=120.0, beat=0.0):
        self.room = room
        self.bpm, self.playing, self.peers = bpm, False, 1
        self._at_s, self._beat = room.now, beat

    def beat(self, time_s):
        return self._beat + (time_s - self._at_s) * self.bpm / 60

    def phase_s(self, time_s, quantum):
        off = (self.beat(time_s) + quantum / 2) % quantum - quantum / 2
        return off * 60 / self.bpm

    def set(self, bpm):
        now = self.room.now
        self._at_s, self._beat, self.bpm = now, self.beat(now), bpm

    def say(self, **ended):
        now = self.room.now
        state = LinkState(self.beat(now), self.bpm, self.playing, self.peers, **ended)
        self.room._take(self.room.core.hear(now, state))
        self.room._take(self.room.core.advance(now))

    def run(self, seconds):
        until = self.room.now + seconds
        while self.room.now < until:
            self.say()
            self.room.pass_until(min(until, self.room.now + 1.0))


def lines(room):
    return [said.line for said in room.others if isinstance(said, Said)]


def test_nothing_plays_before_link_is_heard_and_a_piece_begins_on_its_bar():
    room = Room(mode="solo", clock="link", bpm=120)
    room.pass_until(3.0)
    room._take(room.core.advance(3.0))
    assert room.model == []
    link = Timeline(room, bpm=137.0, beat=5.3)
    link.run(8)
    assert room.model
    assert link.phase_s(room.model[0].onset_s, 4) == pytest.approx(0, abs=1e-6)
    assert all(abs(link.phase_s(n.onset_s, 1 / 24)) < 1e-6 for n in room.model)
    assert "137.0 BPM, 1 other peer" in lines(room)[0]
    assert Changed(3.0, "bpm", 137.0) in room.others


def test_a_peers_tempo_is_the_musics_and_ours_is_asked_for():
    room = Room(mode="continue", clock="link", bpm=120)
    link = Timeline(room)
    link.run(1)
    room.play([(1.2, bytes([0x90, 60, 80])), (1.4, bytes([0x80, 60, 0]))])
    link.run(6)
    link.set(90.0)
    link.say()
    changed_s = room.now
    link.run(10)
    later = [n for n in room.model if n.onset_s > changed_s + 0.11]
    assert later
    assert all(abs(link.phase_s(n.onset_s, 1 / 24)) < 1e-6 for n in later)
    assert room.core.settings.bpm == 90.0

    room._take(room.core.change(room.now, bpm=100.0))
    assert room.others[-2:] == [SetLink(room.now, 100.0, 4), Changed(room.now, "bpm", 100.0)]
    assert room.core.view(room.now).bpm == pytest.approx(90)  # until Link says so


def test_the_music_stops_and_goes_on_with_the_session():
    room = Room(mode="continue", clock="link", bpm=120)
    link = Timeline(room)
    link.playing = True
    link.run(1)
    room.play([(1.2, bytes([0x90, 60, 80])), (1.4, bytes([0x80, 60, 0]))])
    link.run(6)
    link.playing = False
    link.say()
    stopped_s = room.now
    link.run(4)
    assert room.model
    assert all(n.release_s <= stopped_s for n in room.model)
    link.playing = True
    link.say()
    link.run(6)
    again = [n for n in room.model if n.onset_s > stopped_s]
    assert again
    assert link.phase_s(again[0].onset_s, 4) == pytest.approx(0, abs=1e-6)


def test_a_session_where_nobody_starts_or_stops_plays():
    room = Room(mode="call", clock="link", bpm=120)
    link = Timeline(room)
    link.run(1)
    room.play([(1.2, bytes([0x90, 60, 80])), (1.4, bytes([0x80, 60, 0]))])
    link.run(5)
    assert room.model


def test_the_music_goes_on_when_link_ends():
    room = Room(mode="continue", clock="link", bpm=120)
    link = Timeline(room, bpm=100.0)
    link.run(1)
    room.play([(1.2, bytes([0x90, 60, 80])), (1.4, bytes([0x80, 60, 0]))])
    link.run(6)
    link.say(ended=True)
    ended_s = room.now
    room.pass_until(ended_s + 6)
    later = [n for n in room.model if n.onset_s > ended_s + 0.11]
    assert later
    assert all(abs(link.phase_s(n.onset_s, 1 / 24)) < 1e-6 for n in later)
    assert any("Link has ended" in line for line in lines(room))
    room._take(room.core.change(room.now, bpm=140.0))
    assert room.core.view(room.now).bpm == pytest.approx(140)


def test_a_tempo_that_no_setting_can_have_is_left_with_the_session():
    for leave in ({"clock": "internal"}, None):
        room = Room(mode="continue", clock="link", bpm=120)
        link = Timeline(room, bpm=700.0)
        link.run(1)
        assert room.core.view(room.now).bpm == pytest.approx(700)
        if leave is None:
            link.say(ended=True)
        else:
            room._take(room.core.change(room.now, **leave))
        assert room.core.settings.bpm == 400
        assert room.core.view(room.now).bpm == pytest.approx(400)


def test_midi_clock_beside_link_changes_nothing():
    room = Room(mode="continue", clock="link", bpm=120)
    link = Timeline(room)
    link.run(2)
    before = room.core.pulse()
    for data in (START, CLOCK, CLOCK, CLOCK):
        assert room.core.hear(room.now, bytes([data])) == []
    assert room.core.pulse() == before


def test_a_new_core_keeps_the_tempo_that_link_was_asked_for_last(monkeypatch):
    stage = Stage(monkeypatch, mode="continue", clock="link", bpm=120)
    stage.midi_io.listener.follow("link")
    stage.midi_io.listener.on_link(
        LinkSaid(stage.now_s, LinkState(0.0, 90.0, playing=False, peers=1))
    )
    stage.wake()
    stage.wake(changes={"bpm": 100.0})
    stage.die()
    stage.restart()
    stage.wake()
    assert stage.core.settings.bpm == 100.0
    begins = list(stage.take().begins.values())
    assert begins[-1].settings == stage.core.settings
