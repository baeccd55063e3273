"""The mode changes while the model or the player has the word: the whole table, and the clock's."""

from __future__ import annotations

from itertools import permutations

import pytest

from live.core.midi_clock import CONTINUE, STOP
from live.replay import replay
from tests.core.room import FlatNetwork, Room
from tests.core.sequencer import started
from tests.stage import BEGAN_S, Stage

MODES = ("call", "continue", "duet", "solo", "listen")
PAIRS = list(permutations(MODES, 2))
BEAT_S = 0.5
END = 20.0
ALL = 1e-3  # beats that a moment of the journal may be off


class Session:
    """Four notes on the first four beats, if any, and a change of mode; times in beats."""

    def __init__(self, patch, before, after, at, played, **settings):
        self.stage = Stage(patch, mode=before, bpm=120, **settings)
        steps = [(0.0, None)]
        for beat in played:
            steps += [(beat, bytes([0x90, 60, 80])), (beat + 0.9, bytes([0x80, 60, 0]))]
        for beat, data in sorted([*steps, (at, after)], key=lambda step: step[0]):
            self.stage.pass_until(BEGAN_S + beat * BEAT_S)
            if isinstance(data, bytes):
                self.stage.play(data)
            self.stage.wake(changes={"mode": data} if isinstance(data, str) else None)
        self.stage.pass_until(BEGAN_S + END * BEAT_S)
        self.onsets = [
            line.time_s / BEAT_S
            for line in self.stage.lines
            if line.kind == "out" and line.message[0] & 0xF0 == 0x90
        ]
        self.turn = ([line.rest[0] for line in self.stage.lines if line.kind == "turn"] or [""])[-1]
        self.waits = self.stage.core.wake_at() is None

    def check(self):
        """Every note ends, and a replay gives the same ones."""
        again = replay(self.stage.take(), lambda begins: FlatNetwork())
        assert [given.note for given in again.given] == self.stage.given
        self.stage.wake(command="my_turn")
        self.stage.end()
        assert self.stage.synth.sounding == set()

    def between(self, begin, end):
        return [beat for beat in self.onsets if begin < beat < end]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_model_has_the_word(monkeypatch, before, after):
    played = () if before == "solo" else (0.0, 1.0, 2.0, 3.0)
    session = Session(monkeypatch, before, after, 6.2, played)
    assert bool(session.between(0, 6.2)) == (before != "listen")
    if after == "listen":
        assert not session.between(6.2, END)
    elif after == "solo":
        assert not session.between(6.2, 8 - ALL)
        assert session.between(6.2, END)[0] == pytest.approx(8, abs=ALL)  # a bar line
        assert session.between(16, END)
    elif after == "call" and before in ("duet", "solo"):  # it has said as much by now
        assert not session.between(6.2, END)
    elif after == "call":  # as long as the phrase
        begins = 7 if before == "listen" else 5
        assert session.between(6.2, begins + 4)
        assert not session.between(begins + 4, END)
    else:
        assert session.between(6.2, 8)
        assert session.between(16, END)
    ended = after in ("call", "listen")
    assert session.waits == ended
    assert session.turn in (("player", "") if ended else ("model",))  # "": nobody ever had it
    session.check()


def test_an_answer_that_would_be_over_stops_and_the_word_is_the_players(monkeypatch):
    session = Session(monkeypatch, "continue", "call", 12.2, (0.0, 1.0, 2.0, 3.0))
    assert session.between(9, 12.2)
    assert not session.between(12.2, END)
    assert session.turn == "player"
    session.check()


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_player_is_in_the_middle_of_a_phrase(monkeypatch, before, after):
    session = Session(monkeypatch, before, after, 2.5, (0.0, 1.0, 2.0, 3.0))
    assert bool(session.between(0, 2.5)) == (before == "duet")
    begins = {"call": 5, "continue": 5, "duet": 3, "solo": 8, "listen": END}[after]
    assert not session.between(2.5, begins - ALL)
    if after != "listen":
        assert session.between(2.5, END)[0] == pytest.approx(begins, abs=ALL)
    assert bool(session.between(begins + 4, END)) == (after in ("continue", "duet", "solo"))
    session.check()


def test_a_duet_that_ends_in_silence_leaves_the_word_to_the_model(monkeypatch):
    session = Session(monkeypatch, "duet", "continue", 6.2, (0.0, 1.0, 2.0, 3.0))
    assert session.turn == "model"
    assert not [line for line in session.stage.lines if line.rest[:1] == ("player",)]


def test_what_was_played_long_before_is_another_phrase(monkeypatch):
    session = Session(monkeypatch, "listen", "call", 12.2, (0.0, 1.0, 10.0))
    assert session.between(12.2, END)[0] == pytest.approx(13, abs=ALL)
    assert not session.between(14, END)  # as long as the latest note alone


def test_solo_waits_for_the_player_to_be_silent(monkeypatch):
    session = Session(monkeypatch, "call", "solo", 2.5, [float(beat) for beat in range(9)])
    assert session.onsets[0] == pytest.approx(12, abs=ALL)


@pytest.mark.parametrize("mode", ["continue", "duet", "solo"])
@pytest.mark.parametrize("how", ["my_turn", "panic", "listen"])
def test_what_the_clock_interrupted_does_not_go_on_when_it_was_called_off(mode, how):
    room = Room(mode=mode, clock="midi", bpm=120)
    clock = started().run(16)
    clock.send(STOP)
    stopped_s = clock.now
    clock.now += 3
    room.play(clock.messages, room.note(5, 0.5, 60) if mode != "solo" else [])
    assert any(note.onset_s < stopped_s for note in room.model)
    if how == "listen":
        room._take(room.core.change(room.now, mode="listen"))
        room._take(room.core.advance(room.now))
    else:
        room.command(room.now / room.beat, how)
    del clock.messages[:]
    clock.send(CONTINUE)
    clock.run(16)
    room.play(clock.messages)
    assert all(note.onset_s < stopped_s for note in room.model)


@pytest.mark.parametrize(
    "how", [{"mode": "solo"}, {"mode": "continue", "phrase_end": "trigger"}, {"mode": "duet"}]
)
@pytest.mark.parametrize("called_off", [False, True])
def test_what_a_new_core_finds_the_model_saying_goes_on(monkeypatch, how, called_off):
    stage = Stage(monkeypatch, bpm=120, **how)
    stage.wake()
    if how["mode"] != "solo":
        stage.play(bytes([0x90, 60, 80]))
        stage.play(bytes([0x80, 60, 0]))
        stage.wake(command="your_turn")
    stage.pass_until(BEGAN_S + 5)
    assert stage.given
    if called_off:
        stage.wake(command="my_turn")
    stage.die()
    stage.pass_until(BEGAN_S + 6.3)
    stage.restart()
    stage.wake()
    stage.pass_until(BEGAN_S + 12)
    onsets = [note.onset_s - BEGAN_S for note in stage.given if note.onset_s > BEGAN_S + 6.3]
    if called_off:
        assert onsets == []
    else:  # on the next bar, or on the next beat where the player had begun it
        assert onsets[0] == pytest.approx(8 if how["mode"] == "solo" else 6.5, abs=0.02)
    again = replay(stage.take(), lambda file: FlatNetwork())
    assert [given.note for given in again.given] == stage.given


@pytest.mark.parametrize("ended_by", ["panic", 120, 123])
@pytest.mark.parametrize("dies", [False, True])
def test_a_key_whose_end_was_lost_does_not_hold_the_word_for_ever(monkeypatch, ended_by, dies):
    stage = Stage(monkeypatch, bpm=120)
    stage.play(bytes([0x90, 40, 80]))  # its end does not come
    stage.pass_until(BEGAN_S + 2)
    if ended_by == "panic":
        stage.wake(command="panic")
    else:
        stage.play(bytes([0xB0, ended_by, 0]))
    if dies:
        stage.die()
        stage.restart()
    stage.pass_until(BEGAN_S + 3)
    stage.play(bytes([0x90, 60, 80]))
    stage.play(bytes([0x80, 60, 0]))
    stage.wake()
    stage.pass_until(BEGAN_S + 6)
    assert stage.given
    again = replay(stage.take(), lambda file: FlatNetwork())
    assert [given.note for given in again.given] == stage.given
