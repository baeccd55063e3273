"""Processes that die in the middle of a session on real ports."""

from __future__ import annotations

import signal
import time

import mido
import pytest

from tests import jack

pytestmark = pytest.mark.jack

BPM = 150.0
BEAT = 60.0 / BPM
MODEL = 1  # channel 2
FLAGS = ("--bpm", str(BPM), "--output-channel", "2", "--seed", "11")
NAMED = ("--input", "peer-keys", "--output", "peer-ears")
PHRASE = [(i * BEAT, (i + 0.9) * BEAT, 60 + 2 * i) for i in range(4)]


def wait_for_answer(peer, since):
    jack.wait_for(lambda: bool(peer.notes_on(MODEL, since)), "an answer", 10)


def test_improviser_that_dies_is_replaced_while_thru_goes_on(performer, peer):
    session = performer("--virtual", *FLAGS)
    session.wait_ready()
    peer.connect()
    began = peer.play(PHRASE)
    wait_for_answer(peer, began)
    session.child("improviser").kill()
    died = time.perf_counter()
    time.sleep(0.1)
    assert {key for key in peer.sounding() if key[0] == MODEL} == set()
    peer.send(0x90, 50, 70)
    time.sleep(0.05)
    assert (0, 50) in peer.sounding()
    peer.send(0x80, 50, 0)
    jack.wait_for(lambda: "improviser is back" in session.output, "the improviser", 10)
    wait_for_answer(peer, died + 0.2)
    session.stop(signal.SIGTERM)
    time.sleep(0.1)
    assert peer.sounding() == set()


def test_improviser_that_dies_too_often_is_given_up_and_thru_goes_on(performer, peer):
    session = performer("--virtual", *FLAGS)
    session.wait_ready()
    peer.connect()
    for deaths in range(1, 5):
        session.child("improviser").kill()
        if deaths < 4:
            jack.wait_for(lambda n=deaths: session.output.count("is back") == n, "it", 10)
    jack.wait_for(lambda: "too often" in session.output, "the notice", 10)
    peer.send(0x90, 50, 70)
    time.sleep(0.05)
    peer.send(0x80, 50, 0)
    assert [pitch for _, pitch in peer.notes_on(0)] == [50]
    assert len(mido.MidiFile(session.stop(signal.SIGTERM)).tracks[1]) >= 3


def test_midi_io_that_dies_leaves_no_note_sounding_and_comes_back(performer, peer):
    session = performer(*NAMED, *FLAGS)
    session.wait_ready()
    began = peer.play(PHRASE)
    wait_for_answer(peer, began)
    peer.send(0xB2, 64, 127)  # a pedal of another channel, on which no key is down
    peer.send(0x90, 40, 90)  # a key that is held down
    jack.wait_for(lambda: (0, 40) in peer.sounding(), "thru")
    session.child("midi_io").kill()
    jack.wait_for(lambda: "midi_io is back" in session.output, "midi_io", 10)
    time.sleep(0.1)
    assert (0, 40) not in peer.sounding()
    assert [data for _, data in peer.heard if data[:2] == b"\xb2\x40"][-1] == b"\xb2\x40\x00"
    again = peer.play(PHRASE)
    wait_for_answer(peer, again)
    path = session.stop(signal.SIGTERM)
    time.sleep(0.1)
    assert peer.sounding() == set()
    struck = [m.note for m in mido.MidiFile(path).tracks[1] if m.type == "note_on"]
    assert struck == [60, 62, 64, 66, 40, 60, 62, 64, 66]  # both parts of the session


def test_midi_io_that_dies_too_often_leaves_no_note_sounding_either(performer, peer):
    session = performer(*NAMED, *FLAGS, "--mode", "listen")
    session.wait_ready()
    for deaths in range(1, 5):
        peer.send(0x90, 40 + deaths, 90)  # a key that is held down
        jack.wait_for(lambda n=deaths: (0, 40 + n) in peer.sounding(), "thru")
        session.child("midi_io").kill()
        if deaths < 4:
            jack.wait_for(
                lambda n=deaths: session.output.count("improviser is back") == n, "both", 60
            )
    assert session.process.wait(60) == 1
    assert "too often; closing the session" in session.output
    assert peer.sounding() == set()
    struck = [m.note for m in mido.MidiFile(session.recording()).tracks[1] if m.type == "note_on"]
    assert struck == [41, 42, 43, 44]


def test_take_of_a_killed_session_is_recovered_at_the_next_start(performer, peer):
    session = performer(*NAMED, *FLAGS)
    session.wait_ready()
    began = peer.play(PHRASE)
    wait_for_answer(peer, began)
    children = [session.child("midi_io"), session.child("improviser")]
    session.process.kill()
    jack.wait_for(lambda: not any(c.is_running() for c in children), "the end of the children")
    time.sleep(0.1)
    assert peer.sounding() == set()
    assert list(session.folder.glob("*.mid")) == []
    later = performer(*NAMED, *FLAGS, "--record", str(session.folder))
    later.wait_ready()
    jack.wait_for(lambda: "cut off" in later.output, "its recording")
    (recovered,) = session.folder.glob("*.mid")
    assert f"cut off; recorded {recovered}" in later.output
    tracks = mido.MidiFile(recovered).tracks
    assert [m.note for m in tracks[1] if m.type == "note_on"] == [60, 62, 64, 66]
    assert any(m.type == "note_on" for m in tracks[2])
