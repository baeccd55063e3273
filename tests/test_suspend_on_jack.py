"""A machine that is suspended in the middle of the music and wakes up again."""

from __future__ import annotations

import signal
import time

import mido
import psutil
import pytest

from live.journal import read_lines
from tests import jack

pytestmark = pytest.mark.jack

BPM = 240.0
BEAT = 60.0 / BPM
MODEL = 1  # channel 2
FLAGS = ("--virtual", "--bpm", str(BPM), "--output-channel", "2", "--seed", "11")
PHRASE = [(i * BEAT, (i + 0.9) * BEAT, 60 + 2 * i) for i in range(4)]
PATIENCE_S = 60.0
LATE_S = 0.6
"""What is later than this when the machine wakes up should not be played any more."""
SLEPT_S = 1.6
"""Longer than the heartbeat has patience."""


@pytest.mark.parametrize("mode", ["continue", pytest.param("duet", marks=pytest.mark.slow)])
def test_music_goes_on_after_a_suspend_without_a_heap_of_late_notes(performer, peer, mode):
    session = performer(*FLAGS, "--mode", mode)
    session.wait_ready()
    peer.connect()
    began = peer.play(PHRASE)
    jack.wait_for(lambda: len(peer.notes_on(MODEL, began)) > 4, "the model", PATIENCE_S)
    parent = psutil.Process(session.process.pid)
    everybody = [parent, *parent.children(recursive=True)]
    for process in everybody:
        process.suspend()
    fell_asleep = time.perf_counter()
    time.sleep(SLEPT_S)
    woke = time.perf_counter()
    for process in everybody:
        process.resume()
    jack.wait_for(lambda: len(peer.notes_on(MODEL, woke + 1)) > 4, "more of it", PATIENCE_S)
    assert "does not answer" not in session.output
    assert "is back" not in session.output
    again = peer.play(PHRASE)
    jack.wait_for(lambda: bool(peer.notes_on(MODEL, again)), "an answer", PATIENCE_S)
    path = session.stop(signal.SIGTERM)
    file = mido.MidiFile(path)
    time.sleep(0.2)
    assert peer.sounding() == set()
    struck = [m.note for m in file.tracks[1] if m.type == "note_on" and m.velocity]
    assert struck == 2 * [pitch for _, _, pitch in PHRASE]
    heard = [pitch for _, pitch in peer.notes_on(MODEL)]
    kept = [m.note for m in file.tracks[2] if m.type == "note_on" and m.velocity]
    assert sorted(kept) == sorted(heard)
    onsets = [x.rest[2] for x in read_lines(path.with_suffix(".jsonl")) if is_onset(x)]
    slept_over = {due for due in onsets if fell_asleep < due < woke - LATE_S}  # a chord is one
    assert len(slept_over) <= 1, "what was due in the meantime came in a heap"


def is_onset(line):
    return line.kind == "out" and len(line.rest) == 3 and line.message[0] & 0xF0 == 0x90
