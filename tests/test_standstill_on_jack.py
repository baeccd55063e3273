"""Processes that are stopped, a disk that is full, and a flood: on real ports."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress

import mido
import pytest

from tests import jack

pytestmark = pytest.mark.jack

BPM = 240.0
BEAT = 60.0 / BPM
MODEL = 1  # channel 2
FLAGS = ("--virtual", "--bpm", str(BPM), "--output-channel", "2", "--seed", "11")
PHRASE = [(i * BEAT, (i + 0.9) * BEAT, 60 + 2 * i) for i in range(3)]
PITCHES = [pitch for _, _, pitch in PHRASE]
PATIENCE_S = 60.0


@pytest.fixture
def session(performer, peer):
    one = performer(*FLAGS)
    one.wait_ready()
    peer.connect()
    return one


def wait_for_answer(peer, since):
    jack.wait_for(lambda: bool(peer.notes_on(MODEL, since)), "an answer", PATIENCE_S)


# -- a process that is stopped -------------------------------------------------------------------


def check_take(session, played):
    """End the session and check that all that was played is in its recording, and ends there."""
    track = mido.MidiFile(session.stop(signal.SIGTERM)).tracks[1]
    notes = [m for m in track if m.type in ("note_on", "note_off")]
    struck = [m.note for m in notes if m.type == "note_on" and m.velocity]
    assert struck == played
    assert len(notes) == 2 * len(played)


@pytest.mark.parametrize("name", ["improviser", "midi_io"])
def test_process_that_is_stopped_leaves_no_note_and_is_replaced(session, peer, name):
    began = peer.play(PHRASE)
    wait_for_answer(peer, began)
    if name == "midi_io":
        peer.send(0x90, 40, 90)  # a key that is held down
        jack.wait_for(lambda: (0, 40) in peer.sounding(), "thru")
    child = session.child(name)
    child.suspend()
    sounding, at = peer.sounding(), time.perf_counter()
    jack.wait_for(
        lambda: sounding <= {(d[0] & 15, d[1]) for t, d in peer.heard if t > at and d[0] < 0x90},
        "the end of what sounded",
        PATIENCE_S,
    )
    print(f"sounding on for {time.perf_counter() - at:.2f} s")
    jack.wait_for(lambda: "improviser is back" in session.output, "its successor", PATIENCE_S)
    assert f"the process {name} does not answer" in session.output
    assert not child.is_running()
    again = peer.play(PHRASE)
    wait_for_answer(peer, again)
    held = [40] if name == "midi_io" else []
    check_take(session, [*PITCHES, *held, *PITCHES])


def test_stopped_parent_stops_no_music_and_suspects_nobody(session, peer):
    session.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    began = peer.play(PHRASE)
    wait_for_answer(peer, began)
    session.process.send_signal(signal.SIGCONT)
    time.sleep(1.0)
    assert "does not answer" not in session.output
    assert "is back" not in session.output
    check_take(session, PITCHES)


# -- a disk that is full -------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        jack.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_costs_no_note_once_there_is_room(performer, peer, small_disk):
    session = performer(*FLAGS, "--mode", "listen", "--record", str(small_disk))
    session.wait_ready()
    peer.connect()
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(256))
    played = []
    for number in range(300):  # more than what is left of the last page
        pitch = 40 + number % 50
        peer.send(0x90, pitch, 80)
        peer.send(0x80, pitch, 0)
        played.append(pitch)
        time.sleep(0.002)
    jack.wait_for(lambda: len(peer.notes_on(0)) == len(played), "thru")
    jack.wait_for(lambda: "the disk does not take" in session.output, "the notice", PATIENCE_S)
    ballast.unlink()
    jack.wait_for(lambda: "the disk has taken" in session.output, "the notice", PATIENCE_S)
    session.process.send_signal(signal.SIGTERM)
    assert session.process.wait(20) == 0, session.output
    (path,) = small_disk.glob("*.mid")
    struck = [m.note for m in mido.MidiFile(path).tracks[1] if m.type == "note_on" and m.velocity]
    assert struck == played


# -- a flood -------------------------------------------------------------------------------------

PER_SECOND = 5000
PERIOD_FRAMES = 64
"""Of JACK. With 64 (1.3 ms), what RtMidi reads in a long flood is garbled when the input's thread
is late: as many messages as there were, but not the same."""
MOST_GROWTH = 60 << 20
"""Bytes that a process may grow by while it takes a flood."""


@pytest.fixture
def flooded(performer):
    """Return a session and a peer on a server with long periods."""
    with jack.server(PERIOD_FRAMES):
        peer, session = jack.Peer(), performer(*FLAGS)
        session.wait_ready()
        peer.connect()
        yield session, peer
        session.close()
        peer.close()


@pytest.mark.parametrize("seconds", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_flood_is_recorded_and_sent_on_in_order_and_the_next_phrase_is_answered(flooded, seconds):
    session, peer = flooded
    children = {name: session.child(name) for name in ("midi_io", "improviser")}
    peer.play(PHRASE)
    before = {name: child.memory_info().rss for name, child in children.items()}
    jack.wait_for(lambda: thru(peer) == 2 * len(PHRASE), "thru")
    sent = []
    peer.heard.clear()
    began = time.perf_counter()
    while len(sent) < seconds * PER_SECOND:
        due = min(int((time.perf_counter() - began) * PER_SECOND), seconds * PER_SECOND)
        for number in range(len(sent), due):
            pitch = 30 + number // 2 % 70
            data = (0x80 if number % 2 else 0x90, pitch, 0 if number % 2 else 80)
            peer.send(*data)
            sent.append(bytes(data))
        time.sleep(0.001)
    jack.wait_for(lambda: thru(peer) >= len(sent), "all of it", PATIENCE_S + 2 * seconds)
    assert [d for _, d in list(peer.heard) if d[0] & 15 != MODEL] == sent
    assert "comes back at the input" not in session.output
    assert "the disk" not in session.output
    for name, child in children.items():
        assert child.memory_info().rss - before[name] < MOST_GROWTH, name
    time.sleep(2.0)
    ended = peer.play(PHRASE)
    wait_for_answer(peer, ended)
    file = mido.MidiFile(session.stop(signal.SIGTERM))
    kept = [m.note for m in file.tracks[1] if m.type == "note_on" and m.velocity]
    phrase = [pitch for _, _, pitch in PHRASE]
    assert kept == phrase + [data[1] for data in sent[::2]] + phrase


def thru(peer):
    return sum(data[0] & 15 != MODEL for _, data in list(peer.heard))
