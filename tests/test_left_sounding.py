"""Whatever a midi_io that was killed has left sounding, its successor or the next start ends it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from live import journal, takes
from live.journal import read_lines
from live.messages import Changed, NewTake
from live.midi_io import listener, process
from live.midi_io.process import take_over
from live.midi_io.settings import MidiSettings
from live.session import Session
from live.settings import load

MIDI = MidiSettings("virtual", "virtual", "auto", None, True, (), None)


class Synth:
    """What sounds of all that it was ever sent; ``deaf`` to controllers, as some are."""

    def __init__(self, deaf):
        self._deaf = deaf
        self.sounding = set()
        self.pedals = set()

    def send(self, data):
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if kind == 0x90 and data[2]:
            self.sounding.add((channel, data[1]))
        elif kind in (0x80, 0x90):
            self.sounding.discard((channel, data[1]))
        elif kind == 0xB0 and data[1] in (64, 66):
            (self.pedals.add if data[2] >= 64 else self.pedals.discard)((channel, data[1]))
        elif kind == 0xB0 and data[1] == 123 and not self._deaf:
            self.sounding = {key for key in self.sounding if key[0] != channel}

    def close(self):
        pass


def begin(path, synth, settings=MIDI):
    midi_io = take_over(settings, path, {})
    midi_io.outlet.exchange(synth)
    midi_io.player.output_back()
    return midi_io


def kill(midi_io):
    """End its journal where a kill would."""
    journal = midi_io.journal
    journal._queue.put(None)
    journal._thread.join()
    journal._disk.close()


@pytest.fixture(params=[False, True], ids=["", "deaf"])
def synth(request):
    return Synth(request.param)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.jsonl"


def strike_both_hands(midi_io):
    midi_io.listener.on_input([0x90, 40, 80, 0xB0, 64, 127, 0xB0, 66, 127])
    midi_io._obey(Changed(time.perf_counter(), "left_channel", 6))
    midi_io.listener.on_input([0x90, 43, 80, 0x95, 70, 80])
    assert len(synth_of(midi_io).sounding) == 3


def synth_of(midi_io):
    return midi_io.outlet._port


def test_hands_that_went_to_other_channels_meanwhile_are_ended_there(path, synth):
    midi_io = begin(path, synth, replace(MIDI, left_channel=3))
    strike_both_hands(midi_io)
    kill(midi_io)
    kill(begin(path, synth, replace(MIDI, left_channel=6)))
    assert synth.sounding == synth.pedals == set()


def test_hands_of_a_session_that_was_cut_off_are_ended_by_the_next_one(tmp_path, synth):
    folder = tmp_path / "sessions"
    folder.mkdir()
    midi_io = begin(folder / "cut_off.jsonl", synth, replace(MIDI, left_channel=3))
    strike_both_hands(midi_io)
    kill(midi_io)
    lines = []
    session = Session(load(None, {"recording": {"folder": str(folder)}}), lines.append)
    for thread in session._takes._finishing:
        thread.join()
    assert any("had been cut off" in line for line in lines)
    kill(begin(session.journal, synth, session.present.midi_io()))
    assert synth.sounding == synth.pedals == set()


def test_a_session_begins_while_those_that_were_cut_off_are_recorded(tmp_path, synth, monkeypatch):
    folder = tmp_path / "sessions"
    folder.mkdir()
    kill(begin(folder / "cut_off.jsonl", synth))
    recorded = threading.Event()
    monkeypatch.setattr(takes, "recover", lambda path: path if recorded.wait(10) else None)
    lines = []
    session = Session(load(None, {"recording": {"folder": str(folder)}}), lines.append)
    assert session.journal.exists()
    assert lines == []
    recorded.set()
    session._takes.end()
    assert any("had been cut off" in line for line in lines)


def test_a_key_and_a_pedal_that_were_held_across_a_new_take_are_ended(path, synth):
    midi_io = begin(path, synth)
    midi_io.listener.on_input([0x90, 40, 80])
    midi_io.listener.on_played(b"\x90\x2b\x50\xb0\x40\x7f")
    midi_io.listener.on_input([0x90, 50, 80, 0x80, 50, 0])
    midi_io._obey(NewTake(path.with_name("second.jsonl"), {}))
    assert synth.sounding == {(0, 40), (0, 43)}
    kill(midi_io)
    kill(begin(path.with_name("second.jsonl"), synth))
    assert synth.sounding == synth.pedals == set()


def test_what_is_held_across_a_new_take_is_in_both_recordings(path, synth):
    midi_io = begin(path, synth)
    midi_io.listener.on_input([0x90, 40, 80, 0x90, 43, 81, 0x80, 43, 0])
    second = path.with_name("second.jsonl")
    midi_io._obey(NewTake(second, {}))
    midi_io.listener.on_input([0x80, 40, 0])
    kill(midi_io)
    messages = [line.message for line in read_lines(second)]
    assert messages == [b"\x90\x28\x50", b"\x80\x28\x00"]


def test_a_note_that_was_not_written_down_any_more_is_ended(path):
    synth = Synth(deaf=False)
    kill(begin(path, synth))
    synth.send(b"\x94\x3c\x50")  # in the millisecond before it was killed
    kill(begin(path, synth))
    assert synth.sounding == set()


def test_nothing_is_sent_where_nothing_was_left(path):
    sent = []
    synth = Synth(deaf=False)
    synth.send = sent.append
    kill(begin(path, synth))
    assert sent == []


@pytest.mark.parametrize(
    ("before", "after", "sixteenth"),
    [
        ([0xFA, *[0xF8] * 30], [0xF8] * 6, 6),
        ([0xFA, *[0xF8] * 30, 0xFC, 0xF2, 12, 0], [0xFB, 0xF8], 13),
        ([0xFA], [0xF8], 1),
        ([0xFA, *[0xF8] * 30], [], 5),
    ],
    ids=["running", "stopped", "armed", "running at once"],
)
def test_a_take_after_a_midi_io_that_died_hears_where_the_song_is(
    path, monkeypatch, before, after, sixteenth
):
    now = SimpleNamespace(perf_counter=lambda: 100.0)
    for module in (journal, listener, process):
        monkeypatch.setattr(module, "time", now)
    settings = replace(MIDI, clock="midi")
    midi_io = begin(path, Synth(deaf=False), settings)
    midi_io.listener.on_input(before)
    midi_io.journal.write("beat", 100.0, 29.0, 0.02, 0, 96)  # as the improviser notes
    kill(midi_io)
    now.perf_counter = lambda: 100.02
    midi_io = begin(path, Synth(deaf=False), settings)
    midi_io.listener.on_input(after)
    midi_io._obey(NewTake(path.with_name("second.jsonl"), {}))
    midi_io.listener.on_input([0xF8] * 7)
    kill(midi_io)
    told = [line.told for line in read_lines(path.with_name("second.jsonl"))]
    position = told.index(bytes([0xF2, sixteenth, 0]))
    assert told[position + 1 : position + 3] == [b"\xfb", b"\xf8"]
