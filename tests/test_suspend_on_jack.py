"""A machine that is suspended in the middle of the music and wakes up again."""

from __future__ import annotations

import signal
import time

import mido
import psutil
import pytest

from tests import jack

pytestmark = pytest.mark.jack

BPM = 240.0
BEAT = 60.0 / BPM
MODEL = 1  # channel 2
FLAGS = ("--virtual", "--bpm", str(BPM), "--output-channel", "2", "--seed", "11")
PHRASE = [(i * BEAT, (i + 0.9) * BEAT, 60 + 2 * i) for i in range(4)]
PATIENCE_S = 60.0
MOST_VOICES = 6
SLEPT_S = 2.5
"""Longer than the heartbeat has patience."""


@pytest.mark.parametrize("mode", ["continue", "duet"])
def test_music_goes_on_after_a_suspend_without_a_heap_of_late_notes(performer, peer, mode):
    session = performer(
        *FLAGS,
        "--mode",
        mode,
        "--set",
        f"bounds.voices={MOST_VOICES}",
    )
    session.wait_ready()
    peer.connect()
    began = peer.play(PHRASE)
    jack.wait_for(lambda: len(peer.notes_on(MODEL, began)) > 4, "the model", PATIENCE_S)
    parent = psutil.Process(session.process.pid)
    everybody = [parent, *parent.children(recursive=True)]
    for process in everybody:
        process.suspend()
    time.sleep(SLEPT_S)
    woke = time.perf_counter()
    for process in everybody:
        process.resume()
    jack.wait_for(lambda: len(peer.notes_on(MODEL, woke + 1)) > 4, "more of it", PATIENCE_S)
    assert "does not answer" not in session.output
    assert "is back" not in session.output
    # What was due in the meantime would be dozens: as many may come at once as may sound at once.
    at_once = [at for at, _ in peer.notes_on(MODEL, woke) if at < woke + 0.1]
    assert len(at_once) <= 2 * MOST_VOICES
    again = peer.play(PHRASE)
    jack.wait_for(lambda: bool(peer.notes_on(MODEL, again)), "an answer", PATIENCE_S)
    file = mido.MidiFile(session.stop(signal.SIGTERM))
    time.sleep(0.2)
    assert peer.sounding() == set()
    struck = [m.note for m in file.tracks[1] if m.type == "note_on" and m.velocity]
    assert struck == 2 * [pitch for _, _, pitch in PHRASE]
    heard = [pitch for _, pitch in peer.notes_on(MODEL)]
    kept = [m.note for m in file.tracks[2] if m.type == "note_on" and m.velocity]
    assert sorted(kept) == sorted(heard)
