"""Controls of settings that midi_io holds: it minds them itself, with or without an improviser."""

from __future__ import annotations

import pytest

from live.control_settings import Controls, read_controls
from live.messages import PlayNote
from live.midi_io.dispatch import MidiIo
from live.midi_io.settings import MidiSettings
from live.settings import LIVE


class Desk:
    """midi_io without ports, its journal and what goes out."""

    name = "desk"

    def __init__(self, channel=None, **table):
        controls = read_controls(Controls.model_validate(table), {}, LIVE, lambda name: name)
        self.out: list[bytes] = []
        self.lines: list[tuple] = []
        settings = MidiSettings("virtual", "virtual", "auto", channel, True, controls, None)
        self.midi_io = MidiIo(settings, self)
        self.midi_io.outlet.exchange(self)

    def write(self, kind, time_s, *rest):
        self.lines.append((kind, *rest))

    def send(self, data):
        self.out.append(data)

    def close(self):
        pass

    def play(self, *data):
        self.midi_io.listener.on_input(list(data))

    def sets(self):
        return [line[1:] for line in self.lines if line[0] == "set"]


def test_a_pad_switches_thru_and_is_no_music():
    desk = Desk(thru="note 36 channel 10")
    desk.play(0x99, 36, 100)
    desk.play(0x89, 36, 0)
    desk.play(0x90, 60, 100)
    assert desk.out == []
    desk.play(0x99, 36, 100)
    desk.play(0x90, 62, 100)
    assert desk.out == [b"\x90\x3e\x64"]
    assert desk.sets() == [("thru", False), ("thru", True)]
    assert [line[1] for line in desk.lines if line[0] == "control"] == [
        b"\x99\x24\x64",
        b"\x89\x24\x00",
        b"\x99\x24\x64",
    ]


def test_a_knob_chooses_the_channel_that_is_listened_to_even_from_another_one():
    desk = Desk(channel=2, **{"takeover": "jump", "midi.input_channel": "cc 20"})
    desk.play(0xB9, 20, 127)
    assert desk.sets() == [("input_channel", 15)]
    desk.play(0xB9, 20, 0)
    assert desk.sets()[-1] == ("input_channel", None)


@pytest.mark.parametrize("side", ["input", "output"])
def test_a_pad_lets_a_port_mean_another(side):
    desk = Desk(**{f"midi.{side}": "program 3: stage piano"})
    meant = []
    desk.midi_io.listener.mean_port = lambda *wish: meant.append(wish)
    desk.play(0xC0, 3)
    assert meant == [(side, "stage piano")]
    assert desk.sets() == []  # it says so when it has found it


def test_controls_of_the_improviser_are_passed_on_alone():
    desk = Desk(bpm="cc 20", tap="note 36")
    desk.play(0xB0, 20, 64)
    desk.play(0x90, 36, 64)
    assert desk.out == []
    assert desk.sets() == []
    assert [line[0] for line in desk.lines if line[0] in ("control", "in")] == ["control"] * 2


def test_panic_ends_everything_though_nobody_else_may_be_there():
    desk = Desk(panic="note 36")
    desk.play(0x92, 60, 100)
    desk.midi_io.player.play(PlayNote(0.0, 1e9, 0, 70, 80))
    desk.midi_io.player.send_due()
    desk.out.clear()
    desk.play(0x90, 36, 64)
    assert {b"\x82\x3c\x00", b"\x80\x46\x00"} <= set(desk.out)
    assert {bytes([0xB0 | channel, 123, 0]) for channel in range(16)} <= set(desk.out)
    told = [line[:2] for line in desk.lines if line[0] in ("control", "hush")]
    assert told[0] == ("control", b"\x90\x24\x40")
    assert ("hush", b"\x82\x3c\x00") in told
    desk.out.clear()
    desk.play(0x80, 36, 64)
    assert desk.out == []
