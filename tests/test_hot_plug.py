"""The thread that keeps ports connected does so whatever the MIDI system does to it."""

from __future__ import annotations

import threading

import pytest

from live.errors import UserError
from live.messages import Said
from live.midi_io.dispatch import MidiIo
from live.midi_io.health import HealthMeter
from live.midi_io.hot_plug import HotPlug
from live.midi_io.outlet import Outlet
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
