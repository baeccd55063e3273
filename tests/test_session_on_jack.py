"""A whole session through real ports: a peer plays on JACK and hears the answer."""

from __future__ import annotations

import math
import signal
import statistics
import time
from itertools import accumulate

import mido
import pytest

from live.journal import read_lines
from tests.music import moments

pytestmark = pytest.mark.jack

BPM = 100.0
BEAT = 60.0 / BPM
TICK = BEAT / 24
MODEL = 1  # channel 2, so that thru and model are told apart
PLAYERS, MODELS = 1, 2
"""Tracks of a recording."""
FLAGS = ("--virtual", "--bpm", str(BPM), "--output-channel", "2", "--seed", "11")

SLACK = 0.15
"""Seconds that a busy machine may be late by; a beat is 0.6."""

SCALE = [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65]
PHRASE = [(i * BEAT / 2, (i + 0.9) * BEAT / 2, pitch) for i, pitch in enumerate(SCALE)]
PHRASE += [(6 * BEAT, 7.9 * BEAT, pitch) for pitch in (48, 55, 60, 64)]


@pytest.fixture
def session(performer, peer):
    one = performer(*FLAGS)
    one.wait_ready()
    peer.connect()
    return one


def model_ons(peer, since=0.0):
    return peer.notes_on(MODEL, since)


def wait_for_answer(peer, seconds):
    deadline = time.perf_counter() + seconds
    while not model_ons(peer) and time.perf_counter() < deadline:
        time.sleep(0.005)
    assert model_ons(peer), "no answer was heard"


def grid_error(onsets, tick=TICK):
    """Return the median distance of onsets to the grid that fits them best, in seconds."""
    angles = [2 * math.pi * t / tick for t in onsets]
    phase = math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles))) / 2 / math.pi * tick
    return statistics.median(abs((t - phase + tick / 2) % tick - tick / 2) for t in onsets)


def test_phrase_is_answered_in_time_and_recorded_as_heard(session, peer):
    ended = peer.play(PHRASE)
    wait_for_answer(peer, 4 * BEAT)
    started = model_ons(peer)[0][0]
    silence_over = ended + BEAT  # silence_beats = 1
    assert started >= silence_over - SLACK
    assert started <= silence_over + BEAT + SLACK

    time.sleep(11 * BEAT)  # the answer is as long as the phrase, 8 beats, and rings for one more
    onsets = [at for at, _ in model_ons(peer)]
    assert len(onsets) >= 3
    assert onsets[-1] - onsets[0] <= 8 * BEAT + SLACK
    assert peer.sounding() == set()

    path = session.stop(signal.SIGTERM)
    lines = read_lines(path.with_suffix(".jsonl"))
    planned = [line.rest[2] for line in lines if line.kind == "out" and len(line.rest) == 3]
    assert grid_error(planned) <= 1e-6
    file = mido.MidiFile(path)
    assert file.type == 1
    tempo, _, model = file.tracks
    assert [m.tempo for m in tempo if m.type == "set_tempo"][-1] == mido.bpm2tempo(BPM)
    recorded = track_notes(file, PLAYERS)
    assert [pitch for _, _, pitch in recorded] == [pitch for _, _, pitch in PHRASE]
    for (on, off, _), (wanted_on, wanted_off, _) in zip(recorded, PHRASE, strict=True):
        assert on - recorded[0][0] == pytest.approx(wanted_on, abs=SLACK)
        assert off - on == pytest.approx(wanted_off - wanted_on, abs=SLACK)
    heard = model_ons(peer)
    kept = track_notes(file, MODELS)
    assert [pitch for _, _, pitch in kept] == [pitch for _, pitch in heard]
    for (on, _, _), (at, _) in zip(kept, heard, strict=True):
        assert on - kept[0][0] == pytest.approx(at - heard[0][0], abs=SLACK)
    # The first note stands on a bar line, and what the model chose on the grid from there.
    begins = next(at for at, message in in_ticks(file.tracks[1]) if message.type == "note_on")
    assert begins % (4 * file.ticks_per_beat) == 0
    grid = file.ticks_per_beat // 24
    struck = [at for at, message in in_ticks(model) if message.type == "note_on"]
    off = min(abs((at + grid // 2) % grid - grid // 2) for at in struck)
    assert off <= 0.003 / BEAT * file.ticks_per_beat
    # Both parts stand to each other in the file as they stood in the room.
    first_player = peer.notes_on(0)[0][0]
    assert kept[0][0] - recorded[0][0] == pytest.approx(heard[0][0] - first_player, abs=SLACK)


def in_ticks(track):
    """Return the messages of a track with their ticks."""
    return list(zip(accumulate(message.time for message in track), track, strict=True))


def track_notes(file, track):
    """Return (onset, release, pitch) in seconds, as struck; every note-on has its note-off."""
    down, notes = {}, []
    for at, message in moments(file, track):
        if message.type == "note_on" and message.velocity > 0:
            key = (message.channel, message.note)
            assert key not in down
            down[key] = len(notes)
            notes.append((at, None, message.note))
        elif message.type in ("note_off", "note_on"):
            number = down.pop((message.channel, message.note))
            notes[number] = (notes[number][0], at, message.note)
    assert down == {}
    return notes


def test_playing_again_stops_the_answer_at_once(session, peer):
    for attempt in range(3):
        already = len(model_ons(peer))
        peer.play(PHRASE[:4])
        deadline = time.perf_counter() + 4 * BEAT
        while len(model_ons(peer)) == already and time.perf_counter() < deadline:
            time.sleep(0.002)
        assert len(model_ons(peer)) > already
        struck = peer.send(0x90, 72, 80)
        time.sleep(SLACK)
        since = struck + SLACK
        assert {key for key in peer.sounding() if key[0] == MODEL} == set(), attempt
        time.sleep(0.7 * BEAT)
        peer.send(0x80, 72, 0)
        assert model_ons(peer, since) == [], attempt
    time.sleep(0.1)
    assert peer.sounding() == set()


def test_continue_goes_on_until_the_player_plays(performer, peer):
    session = performer(*FLAGS, "--mode", "continue")
    session.wait_ready()
    peer.connect()
    ended = peer.play(PHRASE[:2])
    time.sleep(8 * BEAT)
    late = model_ons(peer, ended + 6 * BEAT)
    assert late, "an answer to one beat should go on for long"
    peer.play([(0.0, 0.1, 60)])
    time.sleep(0.1)
    assert peer.sounding() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_every_note_and_writes_the_file(session, peer, number):
    peer.play(PHRASE[:4])
    wait_for_answer(peer, 4 * BEAT)
    peer.send(0x90, 40, 90)  # and a key that is held down
    time.sleep(0.1)
    assert peer.sounding()
    path = session.stop(number)
    time.sleep(0.1)
    assert peer.sounding() == set()
    assert len(mido.MidiFile(path).tracks) == 3
    assert "Traceback" not in session.output


def test_unusual_bytes_are_ordinary_input(session, peer):
    peer.send(0xF8)
    peer.send(0xFE)
    peer.send(0xF0, 0x7E, 0x7F, 0x06, 0x01, 0xF7)
    peer.send(0x80, 61, 0)  # a release of what was never struck
    peer.send(0x90, 60, 80)
    peer.send(0x90, 60, 90)  # the same key twice
    time.sleep(0.05)
    peer.send(0x90, 60, 0)  # a release, spelled as a note-on
    time.sleep(0.1)
    assert peer.sounding() == set()
    assert [pitch for _, pitch in peer.notes_on(0)] == [60, 60]
    wait_for_answer(peer, 4 * BEAT)


def test_ports_are_found_by_a_part_of_their_name(performer, peer, jack_server):
    session = performer("--input", "PEER-KEYS", "--output", "peer-EARS", "--bpm", "200")
    session.wait_ready()
    peer.play([(0.0, 0.1, 60), (0.15, 0.25, 64)])
    time.sleep(0.2)
    assert [pitch for _, pitch in peer.notes_on(0)] == [60, 64]
    path = session.stop(signal.SIGTERM)
    assert len(track_notes(mido.MidiFile(path), PLAYERS)) == 2


def test_unknown_port_is_one_line_and_exit_code_2(performer, peer):
    session = performer("--input", "no such keyboard", "--output", "peer-ears")
    assert session.process.wait(20) == 2
    lines = session.output.splitlines()
    assert len(lines) == 1
    assert "no such keyboard" in lines[0]
    assert "peer-keys" in lines[0]  # what there is
    assert list(session.folder.iterdir()) == []
