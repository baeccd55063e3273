"""Choosing a port by its name, and what is said when it is not there or taken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest
import rtmidi

from live.config_file import PROJECT
from live.errors import NoMidiError, UserError
from live.midi_io import ports
from live.midi_io.names import choose
from tests.jack import wait_for

NAMES = [
    "Midi Through:Midi Through Port-0 14:0",
    "Continuo look-up:port",
    "Digital Piano:Digital Piano MIDI 1 20:0",
    "Piano",
    "nanoKEY2",
]


# -- which one -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("nanoKEY2", "nanoKEY2"),
        ("nanokey", "nanoKEY2"),
        ("NANO", "nanoKEY2"),
        ("digital piano midi 1", "Digital Piano:Digital Piano MIDI 1 20:0"),
        ("dig", "Digital Piano:Digital Piano MIDI 1 20:0"),
        ("piano", "Piano"),  # the whole name goes before a part of an earlier one
        ("PIANO ", "Digital Piano:Digital Piano MIDI 1 20:0"),
        ("through", "Midi Through:Midi Through Port-0 14:0"),  # asked for, it is meant
        ("auto", "Digital Piano:Digital Piano MIDI 1 20:0"),
    ],
)
def test_port_is_chosen_by_a_part_of_its_name(wanted, found):
    assert NAMES[choose(NAMES, wanted, "input")] == found


def test_case_is_set_aside_in_other_alphabets_too():
    assert choose(["a", "KLAVIER GROẞ"], "klavier groß", "input") == 1


@pytest.mark.parametrize("names", [[], NAMES[:2], ["CONTINUO:Continuo Out"]])
def test_auto_finds_no_port_of_continuos_own_and_no_through_port(names):
    with pytest.raises(NoMidiError, match="--virtual") as caught:
        choose(names, "auto", "output")
    assert "output" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_name_is_answered_with_the_names_there_are():
    with pytest.raises(UserError) as caught:
        choose(NAMES[2:], "organ", "input")
    line = str(caught.value)
    assert not isinstance(caught.value, NoMidiError)  # there is MIDI: the name is to be mended
    assert '"organ"' in line
    for name in NAMES[2:]:
        assert f'"{name}"' in line
    assert "\n" not in line


def test_unknown_name_where_there_is_no_port_at_all():
    with pytest.raises(UserError, match="there are: none"):
        choose([], "organ", "output")


# -- opening it ----------------------------------------------------------------------------------


class TakenPort:
    """Stands in for ``rtmidi.MidiIn`` and ``MidiOut`` on a system that lets nobody in.

    It is a fake, since a port of JACK, the only system that the tests have, can never be taken:
    it is shared by as many as like.
    """

    deleted = 0
    fails_at = "open_port"

    def __init__(self, api, name, queue_size_limit=0):
        self.name = name

    def get_ports(self):
        self._fail("get_ports")
        return ["nanoKEY2"]

    def open_port(self, index, name):
        self._fail("open_port")

    def open_virtual_port(self, name):
        raise NotImplementedError("Virtual ports are not supported by the Windows MultiMedia API.")

    def delete(self):
        type(self).deleted += 1

    def _fail(self, where):
        if where == self.fails_at:
            raise rtmidi.SystemError("MidiInWinMM::openPort: error creating port (busy)")


@pytest.fixture
def taken(monkeypatch):
    monkeypatch.setattr(TakenPort, "deleted", 0)
    monkeypatch.setattr(rtmidi, "MidiIn", TakenPort)
    monkeypatch.setattr(rtmidi, "MidiOut", TakenPort)
    return TakenPort


def open_input(wanted):
    return ports.open_input(rtmidi.API_RTMIDI_DUMMY, wanted, lambda data: None)


def open_output(wanted):
    return ports.open_output(rtmidi.API_RTMIDI_DUMMY, wanted)


@pytest.mark.parametrize(("open_it", "kind"), [(open_input, "input"), (open_output, "output")])
def test_port_that_is_taken_is_told_in_one_line_and_let_go(taken, open_it, kind):
    with pytest.raises(UserError) as caught:
        open_it("nano")
    line = str(caught.value)
    assert f'MIDI {kind} port "nanoKEY2" cannot be opened' in line
    assert "close the program" in line
    assert "\n" not in line
    assert taken.deleted == 1


def test_system_that_fails_while_ports_are_listed_is_told_in_one_line(taken, monkeypatch):
    monkeypatch.setattr(taken, "fails_at", "get_ports")
    with pytest.raises(UserError, match='"nano" cannot be opened'):
        open_input("nano")
    assert taken.deleted == 1


def test_system_without_virtual_ports_is_told_what_to_do_instead(taken):
    with pytest.raises(UserError, match="loopMIDI"):
        open_output("virtual")
    assert taken.deleted == 1


def test_port_of_another_name_is_let_go_as_well(taken):
    with pytest.raises(UserError, match="organ"):
        open_output("organ")
    assert taken.deleted == 1


# -- the MIDI system -----------------------------------------------------------------------------


def test_system_that_is_not_of_this_machine_is_told_by_name():
    foreign = next(n for n, api in ports.APIS.items() if api not in rtmidi.get_compiled_api())
    with pytest.raises(NoMidiError, match=foreign.upper()) as caught:
        ports.find_api(foreign)
    assert "--demo" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_jack_that_does_not_run_is_told_and_not_started(monkeypatch):
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("this RtMidi was built without JACK")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    with pytest.raises(NoMidiError, match="JACK"):
        ports.find_api("jack")
    assert os.environ["JACK_NO_START_SERVER"] == "1"


def test_what_midi_libraries_print_stays_off_the_terminal(capfd, monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    for name in ("jack", "alsa"):
        with suppress(NoMidiError):
            ports.find_api(name)
    assert capfd.readouterr() == ("", "")


CLOSING = """
import os, threading, time
import rtmidi
from live.midi_io import ports

keys = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="flood")
keys.open_virtual_port("out")

def turn():
    while True:
        keys.send_message([0xB0, 20, 64])
        time.sleep(0.0002)

threading.Thread(target=turn, daemon=True).start()
for _ in range(5):
    came = threading.Event()
    source = ports.open_input(
        rtmidi.API_UNIX_JACK, "flood:out", lambda data: (came.set(), time.sleep(0.001))
    )
    assert came.wait(20)
    source.close()
print("closed", flush=True)
os._exit(0)
"""


@pytest.mark.jack
def test_port_is_closed_while_messages_come(jack_server):
    run = subprocess.run(
        [sys.executable, "-c", CLOSING], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "closed\n", run.stderr


# -- what comes in -------------------------------------------------------------------------------


class Cable:
    """Stands in for a ``rtmidi.MidiIn`` that has been opened."""

    def __init__(self, *messages):
        self.waiting = list(messages)
        self.calls = []

    def ignore_types(self, **_):
        pass

    def get_message(self):
        return (self.waiting.pop(0), 0.0) if self.waiting else None

    def close_port(self):
        self.calls.append("close")

    def delete(self):
        self.calls.append("delete")


def test_messages_come_in_their_order_and_one_that_cannot_be_taken_stops_none(capsys):
    taken = []

    def take(data):
        if data[1] == 61:
            raise ValueError("not this one")
        taken.append(data[1])

    cable = Cable(*([0x90, pitch, 80] for pitch in range(60, 70)))
    port = ports.RtMidiInput(cable, "cable", take)
    wait_for(lambda: 69 in taken, "the last one")
    assert taken == [60, *range(62, 70)]
    assert "not this one" in capsys.readouterr().err
    port.close()
    assert cable.calls == ["close", "delete"]
    cable.waiting.append([0x90, 70, 80])
    time.sleep(0.01)
    assert cable.waiting
