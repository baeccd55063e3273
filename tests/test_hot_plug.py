"""The thread that keeps ports connected does so whatever the MIDI system does to it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from live.errors import UserError
from live.messages import Said
from live.midi_io import reopening
from live.midi_io.dispatch import MidiIo
from live.midi_io.health import HealthMeter
from live.midi_io.hot_plug import HotPlug
from live.midi_io.outlet import Outlet
from live.midi_io.plug import Plug
from live.midi_io.ports import SendError
from live.midi_io.settings import MidiSettings
from tests.jack import wait_for


class Ports:
    """A MIDI system that fails now and then."""

    def __init__(self):
        self.failures = []
        self.plugged = set()
        self.there = False

    def names(self, side):
        if self.failures:
            raise self.failures.pop()
        if not self.there:
            return []
        return ["Piano"] if side == "input" else ["Synth"]

    def connected(self, side):
        return self.plugged & set(self.names(side))

    def new(self):
        return set()

    def connect(self, side, name):
        self.plugged.add(name)

    def disconnect(self, side, names):
        self.plugged -= set(names)

    def state(self, now_s):
        return "well"

    def wait(self, longest_s):
        pass

    def close(self):
        pass


class Journal:
    def write(self, *line):
        pass


@pytest.fixture
def ports(monkeypatch):
    ports = Ports()
    monkeypatch.setattr(HotPlug, "_open_wiring", lambda self: ports)
    return ports


def test_ports_are_looked_after_whatever_happened_in_a_look(ports):
    said = []
    settings = MidiSettings("piano", "synth", "auto", None, True, (), None)
    midi_io = MidiIo(settings, Journal())
    hot_plug = HotPlug(settings, Outlet(), midi_io.listener, midi_io.player, said.append)
    hot_plug.open(wait_for_ports=True)
    ports.failures = [UserError("once"), RuntimeError("a"), RuntimeError("b"), UserError("again")]
    ended = threading.Event()
    arguments = (HealthMeter("in", "out", realtime=False), ended)
    thread = threading.Thread(target=hot_plug.watch, args=arguments, daemon=True)
    thread.start()
    wait_for(lambda: not ports.failures, "the last failure")
    ports.there = True
    wait_for(lambda: ports.plugged == {"Piano", "Synth"}, "the ports")
    ended.set()
    thread.join(10)
    assert not thread.is_alive()
    lines = [each.line for each in said if isinstance(each, Said) and "trying again" in each.line]
    assert len(lines) == 2  # of each kind the first
    assert all("\n" not in line for line in lines)


class Keyboard:
    """A journal and a synth, and what they hear of a keyboard."""

    name = "synth"

    def __init__(self):
        settings = MidiSettings("piano", "synth", "auto", None, True, (), None)
        self.down = set()
        self.sounding = set()
        self.midi_io = MidiIo(settings, self)
        self.midi_io.outlet.exchange(self)

    def write(self, kind, _time_s, *rest):
        if kind == "in":
            self._note(self.down, rest[0])

    def send(self, data):
        self._note(self.sounding, data)

    def play(self, *data):
        self.midi_io.listener.on_input(list(data))

    def close(self):
        pass

    @staticmethod
    def _note(keys, data):
        if data[0] & 0xF0 == 0x90:
            keys.add(data[1])
        elif data[0] & 0xF0 == 0x80:
            keys.discard(data[1])


def test_keys_are_let_go_of_where_the_daw_that_hands_everything_back_is_gone():
    keyboard = Keyboard()
    for pitch in (60, 62, 64):
        keyboard.play(0x90, pitch, 80)
        keyboard.play(0x90, pitch, 80)  # what comes back
    assert keyboard.down == keyboard.sounding == {60, 62, 64}
    keyboard.midi_io.player.output_lost()
    keyboard.midi_io.listener.let_go()
    assert keyboard.down == keyboard.sounding == set()


def test_a_key_that_is_struck_while_the_input_is_exchanged_is_let_go_of(ports):
    keyboard = Keyboard()
    hot_plug = keyboard.midi_io.hot_plug
    ports.there = True
    hot_plug.open(wait_for_ports=False)

    def disconnect(side, names):
        keyboard.play(0x90, 60, 80)
        ports.plugged -= set(names)

    ports.names = lambda side: ["Piano", "Pads"] if side == "input" else ["Synth"]
    ports.disconnect = disconnect
    hot_plug._change("input", "pads")
    assert ports.plugged == {"Pads", "Synth"}
    assert keyboard.down == keyboard.sounding == set()


def test_what_is_meant_while_the_midi_system_is_gone_holds_when_it_is_back(ports):
    keyboard = Keyboard()
    hot_plug = keyboard.midi_io.hot_plug
    ports.there = True
    hot_plug.open(wait_for_ports=False)
    assert "Synth" in ports.plugged
    ports.state = lambda now_s: "gone"
    hot_plug._look()
    ports.state = lambda now_s: "well"
    ports.plugged = set()
    hot_plug._change("output", "organ")
    ports.names = lambda side: ["Piano"] if side == "input" else ["Organ", "Synth"]
    hot_plug._look()
    hot_plug._look()
    assert ports.plugged == {"Piano", "Organ"}


class Device:
    """A port of a system where a connection is the port itself."""

    def __init__(self):
        self.name = "Synth"
        self.broken = False
        self.heard = []

    def get_ports(self):
        return ["Synth"]

    def send(self, data):
        if self.broken:
            raise SendError("it was gone")
        self.heard.append(data)

    def delete(self):
        pass

    close = delete


def test_an_output_that_failed_but_is_there_is_opened_anew(monkeypatch):
    devices = []

    def open_output(_api, _name):
        devices.append(Device())
        return devices[-1]

    monkeypatch.setattr(reopening, "open_output", open_output)
    monkeypatch.setattr(reopening.rtmidi, "MidiIn", lambda *_, **__: Device())
    monkeypatch.setattr(reopening.rtmidi, "MidiOut", lambda *_, **__: Device())
    now = [0.0]
    monkeypatch.setattr(reopening, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    outlet = Outlet()
    wiring = reopening.ReopenedPorts(0, None, outlet, ())
    plug = Plug("output", "synth")

    def look(now_s):
        now[0] = now_s
        names, connected = wiring.names("output"), wiring.connected("output")
        for name in plug.look(now_s, names, connected, wiring.new()).wanted:
            wiring.connect("output", name)
            plug.plugged(name)

    look(0.0)
    look(0.1)
    look(9.9)
    devices[0].broken = True  # a loose cable: it was gone between two looks
    outlet.send(b"\x90\x3c\x50")
    for count in range(100, 110):
        look(0.1 * count)
    outlet.send(b"\x90\x3e\x50")
    assert devices[-1].heard == [b"\x90\x3e\x50"]
    assert len(devices) == 2
    for count in range(110, 310):  # one that takes nothing at all
        devices[-1].broken = True
        outlet.send(b"\x90\x3c\x50")
        look(0.1 * count)
    assert 8 < len(devices) <= 12
