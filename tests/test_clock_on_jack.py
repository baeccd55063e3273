"""MIDI clock with real peers: jack_midi_clock leads the performer, jack_mclk_dump follows it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from live.journal import read_header, read_lines
from tests import jack
from tests.conftest import PROJECT

pytestmark = pytest.mark.jack

BPM = 80
BEAT = 60 / BPM
CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
FLAGS = ("--virtual", "--output-channel", "2", "--seed", "11")


def needs(program):
    if shutil.which(program) is None:
        jack.skip(f"needs {program}: apt-get install jack-midi-clock")


def transport(*words):
    """Let JACK's transport, which all clients share, roll or stop."""
    commands = "\n".join([*words, "quit", ""])
    subprocess.run(["jack_transport"], input=commands, text=True, capture_output=True, timeout=10)


@pytest.fixture
def leader(jack_server):
    """Start jack_midi_clock: it sends clock while JACK's transport rolls."""
    needs("jack_midi_clock")
    transport("stop", "locate 0")
    process = subprocess.Popen(
        ["jack_midi_clock", "-b", str(BPM), "-d", "0.2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    port = jack.port_named("mclk_out")
    yield port
    transport("stop", "locate 0")
    process.terminate()
    process.wait(10)


def test_clock_that_comes_in_already_does_not_hold_up_the_start(performer, peer):
    ended = threading.Event()

    def tick():
        while not ended.wait(0.001):
            peer.send(*CLOCK)

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        session = performer("--input", "peer-keys", "--output", "peer-ears")
        session.wait_ready()
        jack.wait_for(lambda: "MIDI clock comes in" in session.output, "the hint")
    finally:
        ended.set()
        ticking.join()
    session.stop(signal.SIGTERM)


def clock_heard(peer, status=CLOCK):
    return [at_s for at_s, data in list(peer.heard) if data == status]


def test_the_answer_begins_on_a_beat_of_the_clock_that_leads(performer, peer, leader):
    session = performer(*FLAGS, "--clock", "midi", "--mode", "continue", "--bpm", "133")
    session.wait_ready()
    peer.connect()
    jack.connect(leader, jack.port_named("Continuo In"))
    jack.connect(leader, "peer-ears:in")
    transport("play")
    jack.wait_for(lambda: "following the MIDI clock" in session.output, "the lock")
    peer.play([(i * 0.2, i * 0.2 + 0.15, 60 + i) for i in range(4)])
    jack.wait_for(lambda: len(peer.notes_on(1)) >= 8, "the model's notes", 60)

    # Its transport stops, and so does the music.
    transport("stop")
    jack.wait_for(lambda: clock_heard(peer, STOP) != [], "Stop")
    time.sleep(0.3)
    assert peer.sounding() == set()
    heard = len(peer.notes_on(1))
    time.sleep(2 * BEAT)
    assert len(peer.notes_on(1)) == heard
    stopped_s = time.perf_counter()

    # It rolls again, and the music goes on.
    transport("play")
    jack.wait_for(lambda: peer.notes_on(1, stopped_s) != [], "the music", 60)
    (continued_s,) = clock_heard(peer, CONTINUE)
    assert peer.notes_on(1, stopped_s)[0][0] > continued_s
    recording = session.stop(signal.SIGTERM)

    assert f"following the MIDI clock, {BPM} BPM" in session.output
    assert len(clock_heard(peer, START)) == 1
    journal = recording.with_suffix(".jsonl")
    lines = list(read_lines(journal))
    ticks = [line.time_s for line in lines if line.told == CLOCK]
    planned = [line.rest[2] for line in lines if line.kind == "out" and len(line.rest) == 3]
    first_s = planned[0] - read_header(journal)["origin_s"]
    assert min(abs(first_s - beat_s) for beat_s in ticks[::24]) < 0.02

    # The clock is in the journal as well: the session can be played again without it.
    again = subprocess.run(
        [sys.executable, "-m", "live", "replay", str(recording)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert "as recorded" in again.stdout, again.stdout + again.stderr


def test_another_program_follows_the_clock_that_is_sent(performer, peer, tmp_path):
    needs("jack_mclk_dump")
    session = performer(*FLAGS, "--send-clock", "--bpm", "150", "--mode", "continue")
    session.wait_ready()
    peer.connect()
    heard = tmp_path / "mclk.txt"
    with heard.open("w") as file:
        follower = subprocess.Popen(
            ["stdbuf", "-oL", "jack_mclk_dump", "-n", jack.port_named("Continuo Out")],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    time.sleep(0.5)
    played_s = time.perf_counter()
    peer.play([(i * 0.2, i * 0.2 + 0.15, 60 + i) for i in range(4)])
    time.sleep(3)
    session.stop(signal.SIGTERM)
    time.sleep(0.5)
    follower.terminate()
    follower.wait(10)

    text = heard.read_text(errors="replace")
    assert re.search(r"\(0xfa\) start", text)
    assert re.search(r"\(0xfc\) stop", text)
    frames = [int(x) for x in re.findall(r"dt:\s*(\d+)\[sm\]", text.partition("start")[2])]
    assert len(frames) > 100
    beat_s = 24 * sum(frames[24:]) / len(frames[24:]) / jack.RATE
    assert 60 / beat_s == pytest.approx(150, rel=0.01)
    # The first note is the downbeat: Start comes with it, and a clock message right after.
    (start_s,) = clock_heard(peer, START)
    assert played_s <= start_s < played_s + 0.3
    after = [at_s for at_s in clock_heard(peer) if at_s >= start_s]
    assert after[0] - start_s < 0.02
    assert clock_heard(peer, STOP)[-1] > after[-1] - 0.001
