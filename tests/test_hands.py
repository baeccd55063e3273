"""The pedal under the model's notes, and thru for two hands: what is sent, message by message."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from live.messages import PlayNote
from live.midi_io import player as player_module
from live.midi_io.player import Player
from live.midi_io.split import Split

DOWN, UP = bytes([0xB0, 64, 127]), bytes([0xB0, 64, 0])


class Stage:
    """A player whose clock is set by hand, and what it sends."""

    def __init__(self, monkeypatch):
        self.now_s = 0.0
        self.sent = []
        self.written = []
        monkeypatch.setattr(player_module.time, "perf_counter", lambda: self.now_s)
        self.player = Player(self, self)

    def send(self, message):
        self.sent.append(bytes(message))

    def write(self, kind, time_s, *rest):
        self.written.append((kind, *rest))

    def at(self, now_s):
        self.now_s = now_s
        self.player.send_due()
        sent, self.sent = self.sent, []
        return sent


def note(onset_s, release_s, pitch, *, pedal=True, channel=0):
    return PlayNote(onset_s, release_s, channel, pitch, 80, pedal)


@pytest.fixture
def stage(monkeypatch):
    return Stage(monkeypatch)


def on(pitch, channel=0):
    return bytes([0x90 | channel, pitch, 80])


def off(pitch, channel=0):
    return bytes([0x80 | channel, pitch, 0])


def test_a_long_note_holds_the_pedal_from_its_onset_to_its_end(stage):
    stage.player.play(note(1.0, 2.0, 40))
    stage.player.play(note(1.2, 1.3, 60, pedal=False))
    assert stage.at(1.0) == [on(40), DOWN]
    assert stage.at(1.5) == [on(60), off(60)]
    assert stage.at(2.0) == [off(40), UP]
    assert ("out", DOWN) in stage.written  # and is recorded
    assert ("out", UP) in stage.written


def test_the_pedal_is_changed_with_the_next_long_note(stage):
    stage.player.play(note(1.0, 3.0, 40))
    stage.player.play(note(2.0, 4.0, 43))
    stage.at(1.0)
    assert stage.at(2.0) == [UP, on(43), DOWN]
    assert stage.at(3.0) == [off(40)]
    assert stage.at(4.0) == [off(43), UP]


def test_the_players_pedal_stays_his(stage):
    stage.player.play(note(1.0, 2.0, 40))
    stage.player.thru(DOWN)
    assert stage.at(1.0) == [DOWN, on(40)]
    assert stage.at(2.0) == [off(40)]
    stage.player.thru(UP)
    assert stage.at(2.1) == [UP]
    # And the model's own stays down when the player lets go of his.
    stage.player.play(note(3.0, 4.0, 40))
    assert stage.at(3.0) == [on(40), DOWN]
    stage.player.thru(DOWN)
    stage.player.thru(UP)
    assert stage.at(3.5) == [DOWN]
    assert stage.at(4.0) == [off(40), UP]


@pytest.mark.parametrize("how", ["end_model_notes", "end_every_note", "output_lost"])
def test_whoever_ends_the_notes_lifts_the_pedal(stage, how):
    stage.player.play(note(1.0, 9.0, 40))
    stage.player.play(note(1.0, 9.0, 50, channel=3))
    stage.at(1.0)
    getattr(stage.player, how)()
    sent = stage.at(1.1)
    assert UP in sent
    assert bytes([0xB3, 64, 0]) in sent
    assert stage.at(10.0) == [] or how == "output_lost"


def test_the_left_hand_goes_thru_on_its_own_channel():
    split = Split(60, 4)
    assert split.route(on(59)) == [on(59, 4)]
    assert split.route(on(60)) == [on(60)]
    assert split.route(off(59)) == [off(59, 4)]
    assert split.route(off(60)) == [off(60)]
    assert split.route(DOWN) == [DOWN, bytes([0xB4, 64, 127])]
    assert split.route(bytes([0xC0, 12])) == [bytes([0xC0, 12])]
    assert Split(60, None).route(on(40)) == [on(40)]


@given(st.lists(st.tuples(st.sampled_from(["on", "off", "split", "channel"]), st.integers(50, 70))))
@example([("on", 60), ("split", 61), ("on", 60)])
def test_every_key_ends_on_the_channel_that_it_was_struck_on(steps):
    split = Split(60, 4)
    sounding = set()
    down = set()
    for what, number in steps:
        if what == "split":
            split.lowest_right = number
        elif what == "channel":
            split.left_channel = None if number < 54 else number - 54
        else:
            (message,) = split.route(on(number) if what == "on" else off(number))
            key = (message[0] & 0x0F, message[1])
            (sounding.add if what == "on" else sounding.discard)(key)
            (down.add if what == "on" else down.discard)(number)
    for pitch in down:
        (message,) = split.route(off(pitch))
        sounding.discard((message[0] & 0x0F, pitch))
    assert not sounding


def test_the_hands_may_be_split_elsewhere_while_keys_and_pedal_are_down(stage):
    stage.player.split_at(60)
    stage.player.move_left_hand(4)
    stage.player.thru(on(50))
    stage.player.thru(DOWN)
    stage.at(0.1)
    stage.player.move_left_hand(None)
    stage.player.thru(on(52))
    stage.player.thru(off(50))
    stage.player.thru(UP)
    assert stage.at(0.2) == [bytes([0xB4, 64, 0]), on(52), off(50, 4), UP]


def test_a_key_held_while_thru_was_off_is_struck_where_its_hand_is_now(stage):
    stage.player.split_at(60)
    stage.player.move_left_hand(4)
    stage.player.thru(on(50))
    stage.player.end_thru()  # its release is not sent thru
    stage.at(0.1)
    stage.player.move_left_hand(5)
    stage.player.thru(on(50))
    stage.player.thru(off(50))
    assert stage.at(0.2) == [on(50, 5), off(50, 5)]


def test_a_chord_that_the_pedal_holds_sounds_on_when_another_output_is_connected(stage):
    stage.player.thru(DOWN)
    stage.player.thru(on(50))
    stage.player.thru(off(50))
    stage.at(0.1)
    stage.player.output_back()
    assert stage.at(0.2) == [off(50)]  # which one that was left sounding has to hear
    stage.player.thru(UP)
    stage.player.output_back()
    assert UP in stage.at(0.3)


def test_panic_lifts_both_pedals_on_every_channel(stage):
    stage.player.end_everything()
    sent = stage.at(0.1)
    assert {bytes([0xB0 | c, pedal, 0]) for c in range(16) for pedal in (64, 66)} <= set(sent)


def test_a_synth_that_is_back_is_told_its_programs(stage):
    stage.player.change_program(3, 32)
    stage.player.thru(bytes([0xC0, 7]))
    stage.player.thru(bytes([0xC0, 8]))
    stage.at(0.1)
    stage.player.output_lost()
    stage.player.output_back()  # it may have been switched off
    assert stage.at(0.2) == [bytes([0xC0, 8]), bytes([0xC3, 32])]
