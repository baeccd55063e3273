"""Keyboards, synths and servers that go away in the middle of the music and come back."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import jack as jack_client
import mido
import pytest
import rtmidi

from live.config_file import PROJECT
from live.errors import UserError
from live.journal import read_lines
from live.midi_io.jack_wiring import JackWiring
from live.midi_io.outlet import Outlet
from live.session import Session
from live.settings import load
from tests import jack
from tests.jack_device import Device

pytestmark = pytest.mark.jack

MODEL = 1  # channel 2
FLAGS = ("--output-channel", "2", "--seed", "11", "--mode", "listen")
PLAYING = (*FLAGS[:-1], "continue", "--bpm", "240")
"""The model plays on for as long as the player does not."""
RECONNECTED_S = 1.0
"""After this a device that is plugged in is played on."""


class Synth(Device):
    """A synth on which the player's notes and the model's are told apart."""

    def __init__(self, client):
        super().__init__(rtmidi.MidiIn, client)

    def thru(self):
        """Return what sounds of the player's."""
        return {key for key in self.sounding() if key[0] != MODEL}

    def model_notes(self):
        """Return how many notes of the model's began."""
        return sum(d[0] == 0x90 | MODEL and d[2] > 0 for d in list(self.heard))


@pytest.fixture
def keyboard(jack_server):
    one = Device(rtmidi.MidiOut, "test-keyboard")
    yield one
    one.pull_out()


@pytest.fixture
def synth(jack_server):
    one = Synth("test-synth")
    yield one
    one.pull_out()


@pytest.fixture
def session(performer, keyboard, synth):
    one = performer("--input", "test-keyboard", "--output", "test-synth", *PLAYING)
    one.wait_ready()
    return one


def wait_for_lines(session, text, count):
    jack.wait_for(lambda: session.output.count(text) == count, f"{count} x {text}", 10)


def wait_until_heard(keyboard, synth, pitch):
    """Play a note until it arrives; return how long that took, in seconds."""
    began = time.perf_counter()
    while (0, pitch) not in synth.sounding():
        assert time.perf_counter() < began + 5, "no way through"
        keyboard.send(0x90, pitch, 80)
        time.sleep(0.02)
    return time.perf_counter() - began


def wait_for_model(synth):
    """Wait until more of the model's is heard than was."""
    before = synth.model_notes()
    jack.wait_for(lambda: synth.model_notes() > before, "the model", 30)


def times(few, many):
    return [few, pytest.param(many, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", times(4, 50))
def test_keyboard_that_is_unplugged_lets_go_of_its_keys_and_comes_back(
    session, keyboard, synth, count
):
    away_s = []
    for number in range(1, count + 1):
        keyboard.send(0xB0, 64, 127)
        keyboard.send(0x90, 60, 80)
        jack.wait_for(lambda: synth.thru() == {(0, 60)}, "thru")
        keyboard.pull_out()
        jack.wait_for(lambda: synth.thru() == set(), "the end of what was held")
        if number % 2:  # and sometimes it is back before anybody has looked
            wait_for_lines(session, "is gone", number)
        keyboard.plug_in()
        away_s.append(wait_until_heard(keyboard, synth, 62))
        keyboard.send(0x80, 62, 0)
        wait_for_lines(session, "is back", number)
    assert statistics.median(away_s) < RECONNECTED_S
    wait_for_model(synth)
    wait_for_lines(session, "is gone", count)
    (journal,) = session.folder.glob("*.jsonl")
    lifted = [line for line in read_lines(journal) if line.message == bytes([0xB0, 64, 0])]
    assert len(lifted) == count
    file = mido.MidiFile(session.stop(signal.SIGTERM))
    down = set()
    for message in file.tracks[1]:
        if message.type == "note_on" and message.velocity:
            assert message.note not in down
            down.add(message.note)
        elif message.type in ("note_on", "note_off"):
            down.discard(message.note)
    assert down == set()


@pytest.mark.parametrize("count", times(3, 50))
def test_synth_that_is_unplugged_is_silenced_when_it_comes_back(session, keyboard, synth, count):
    away_s = []
    for number in range(1, count + 1):
        keyboard.send(0x90, 60, 80)
        jack.wait_for(lambda: synth.thru() == {(0, 60)}, "thru")
        if number % 2 == 0:  # it is the model's turn when the synth goes
            keyboard.send(0x80, 60, 0)
            wait_for_model(synth)
        synth.pull_out()
        left, since = synth.sounding(), len(synth.heard)
        wait_for_lines(session, "is gone", number)
        keyboard.send(0x80, 60, 0)  # nobody hears this
        synth.plug_in()
        began = time.perf_counter()
        wait_for_lines(session, "is back", number)
        wait_until_ended(synth, left, since)
        wait_until_heard(keyboard, synth, 62)
        away_s.append(time.perf_counter() - began)
        keyboard.send(0x80, 62, 0)
        jack.wait_for(lambda: synth.thru() == set(), "thru")
        wait_for_model(synth)
    assert statistics.median(away_s) < RECONNECTED_S


def wait_until_ended(synth, keys, since):
    """Wait until the synth has heard the ends of keys, after so many messages."""

    def ended():
        return {(d[0] & 15, d[1]) for d in synth.heard[since:] if d[0] & 0xF0 == 0x80}

    jack.wait_for(lambda: keys <= ended(), "its silence")


def test_new_device_that_matches_the_name_is_taken(session, keyboard, synth):
    keyboard.pull_out()
    wait_for_lines(session, "is gone", 1)
    keyboard.plug_in("another Test-Keyboard of mine")
    assert wait_until_heard(keyboard, synth, 62) < 1.0
    assert 'input: "another Test-Keyboard of mine:midi"' in session.output


def test_ports_are_listed_and_may_be_changed_while_playing(keyboard, synth, tmp_path):
    midi = {"input": "test-keyboard", "output": "test-synth"}
    flags = {"midi": midi, "turns": {"mode": "listen"}, "recording": {"folder": str(tmp_path)}}
    lines = []
    session = Session(load(PROJECT / "config.toml", flags), lines.append)
    session.start()
    try:

        def wait_for(condition, what):
            deadline = time.monotonic() + 30
            while not condition():
                assert time.monotonic() < deadline, f"{what} did not come; {lines}"
                session.run(0.05)

        def listed(name):
            return session.ports() is not None and name in session.ports().outputs

        wait_for(lambda: listed("test-synth:midi"), "the list")
        assert "test-keyboard:midi" in session.ports().inputs
        keyboard.send(0x90, 60, 80)
        wait_for(lambda: synth.sounding() == {(0, 60)}, "thru")
        other = Device(rtmidi.MidiIn, "other-synth")
        wait_for(lambda: listed("other-synth:midi"), "the new one")
        session.change("midi.output", "other-synth")
        wait_for(lambda: synth.sounding() == set(), "the end of what sounded there")
        wait_for(lambda: ("output", "other-synth:midi") in session.ports().plugged, "the change")
        keyboard.send(0x90, 62, 80)
        wait_for(lambda: other.sounding() == {(0, 62)}, "thru to the other one")
        session.change("midi.output", "no such thing")
        wait_for(lambda: any("no such thing" in line for line in lines), "the refusal")
        wait_for(lambda: session.values()["midi.output"] == "other-synth", "the earlier one")
        assert synth.sounding() == set()
        other.pull_out()
        wait_for(lambda: not listed("other-synth:midi"), "its end in the list")
    finally:
        session.close()


def test_both_ports_go_by_the_name_of_one_client(performer, keyboard, synth):
    session = performer("--virtual", *FLAGS)
    session.wait_ready()
    jack.connect("test-keyboard:midi", "Continuo:Continuo In")
    jack.connect("Continuo:Continuo Out", "test-synth:midi")
    wait_until_heard(keyboard, synth, 60)
    keyboard.send(0x80, 60, 0)
    # What was connected by hand is connected again, also to a process that takes its place.
    synth.pull_out()
    wait_for_lines(session, "is gone", 1)
    synth.plug_in()
    wait_until_heard(keyboard, synth, 62)
    session.child("midi_io").kill()
    jack.wait_for(lambda: "midi_io is back" in session.output, "midi_io", 10)
    jack.wait_for(lambda: synth.sounding() == set(), "silence")
    wait_until_heard(keyboard, synth, 64)


def test_server_that_ends_and_begins_again_is_played_on(performer, tmp_path):
    with jack.server() as server:
        synth, keyboard = Synth("synth"), Device(rtmidi.MidiOut, "keyboard")
        session = performer("--input", "keyboard", "--output", "synth", *PLAYING)
        session.wait_ready()
        wait_until_heard(keyboard, synth, 60)
        keyboard.send(0x80, 60, 0)
        wait_for_model(synth)
        server.stop()
        wait_for_lines(session, "server is gone", 1)
        keyboard.pull_out()
        synth.pull_out()
        server.start()
        synth, keyboard = Synth("synth"), Device(rtmidi.MidiOut, "keyboard")
        assert wait_until_heard(keyboard, synth, 62) < 2 * RECONNECTED_S
        keyboard.send(0x80, 62, 0)
        wait_for_model(synth)
        server.freeze()
        wait_for_lines(session, "does not answer", 1)
        server.thaw()
        wait_for_model(synth)
        wait_until_heard(keyboard, synth, 64)
        jack.wait_for(lambda: synth.sounding() == {(0, 64)}, "the player's word")
        file = mido.MidiFile(session.stop(signal.SIGTERM))
        assert {m.note for m in file.tracks[1] if m.type == "note_on"} == {60, 62, 64}
        assert "Traceback" not in session.output
        assert "Cannot" not in session.output  # what JACK's library prints
        keyboard.pull_out()
        synth.pull_out()


COMING_AND_GOING = """
import jack, sys
client = jack.Client("moth")
print("on", flush=True)
while True:
    client.midi_outports.register("out").unregister()
"""


@contextmanager
def coming_and_going():
    moth = subprocess.Popen(
        [sys.executable, "-c", COMING_AND_GOING], stdout=subprocess.PIPE, text=True
    )
    try:
        assert moth.stdout.readline() == "on\n"
        yield
    finally:
        moth.kill()
        moth.communicate()


def test_ports_are_listed_while_others_come_and_go(jack_server):
    wiring = JackWiring(None, Outlet())
    with coming_and_going():
        for _ in range(1000):
            wiring.names("input")
    wiring.close()


def test_client_that_jack_does_not_close_is_left(jack_server, monkeypatch):
    close, freed, left = jack_client.Client.close, threading.Event(), threading.Event()

    def hang(self, **how):
        freed.wait()
        close(self, **how)
        left.set()

    monkeypatch.setattr(jack_client.Client, "close", hang)
    closing = threading.Thread(target=JackWiring(lambda _: None, Outlet()).close, daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive()
    assert not left.is_set()
    freed.set()
    jack.wait_for(left.is_set, "the client's end")


def test_nothing_comes_in_once_an_input_is_disconnected(jack_server, keyboard):
    heard = []

    def take(data):
        time.sleep(0.002)
        heard.append(data)

    wiring = JackWiring(take, Outlet())
    wiring.connect("input", "test-keyboard:midi")
    for number in range(100):
        keyboard.send(0x90, number, 80)
    jack.wait_for(lambda: heard, "the first")
    wiring.disconnect("input", ["test-keyboard:midi"])
    count = len(heard)
    time.sleep(0.1)
    assert len(heard) == count > 50
    wiring.close()


def test_wiring_is_closed_while_others_come_and_go(jack_server):
    with coming_and_going():
        for _ in range(10):
            began = time.perf_counter()
            JackWiring(lambda _: None, Outlet()).close()
            assert time.perf_counter() < began + 10


def test_server_that_goes_while_a_client_begins_is_one_line(jack_server, monkeypatch):
    def activate(self):
        raise jack_client.JackError("Error activating JACK client")

    monkeypatch.setattr(jack_client.Client, "activate", activate)
    with pytest.raises(UserError, match="try again"):
        JackWiring(None, Outlet())
