"""What the model's notes keep to, and how soon it takes up the player's, through real ports."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest

from live.core.keys import pitch_classes
from live.events import DURATION, INSTRUMENT, PITCH, SHIFT
from live.prediction import FIELD_SLICE, draw_noise
from tests import jack
from tests.models import write_model

pytestmark = pytest.mark.jack

BASS, MODEL, LEFT = 2, 1, 4
"""Channels, counted from 0."""
SEED = 7
LOWEST, HIGHEST = 48, 84


def settings(**given):
    return [part for name, value in given.items() for part in ("--set", f"{name}={value}")]


def test_bounds_instruments_and_dynamics_hold_at_the_ports(performer, peer, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        '[bounds]\nkey = "D dorian"\nlowest_pitch = 50\nhighest_pitch = 70\nvoices = 2\n'
        "[dynamics]\nlowest_velocity = 40\nhighest_velocity = 50\n"
        '[instruments]\nprogram_changes = true\nensemble = "0, 32"\npedal_out = true\n'
        "left = 32\nleft_channel = 5\n"
        "[instruments.channels]\n0 = 2\n32 = 3\n"
    )
    flags = ("--virtual", "--mode", "continue", "--bpm", "300", "--seed", "5", "--temperature", "2")
    flags += ("--silence-beats", "4")  # longer than it is listened to at the end
    session = performer("--config", str(config), *flags)
    session.wait_ready()
    peer.connect()
    peer.play([(i * 0.1, i * 0.1 + 0.08, pitch) for i, pitch in enumerate((45, 62, 65, 69))])
    jack.wait_for(lambda: len(played(peer)) > 30, "the model's notes")
    struck = peer.send(0x90, 64, 90)
    peer.send(0x80, 64, 0)
    time.sleep(0.3)
    assert peer.sounding() == set()  # it gave way, and left nothing behind

    notes = played(peer, until=struck)
    assert {data[1] % 12 for data in notes} <= pitch_classes("D dorian")
    assert all(50 <= data[1] <= 70 for data in notes)
    assert all(40 <= data[2] <= 50 for data in notes)
    assert most_at_once(peer) <= 2
    thru = [data for _, data in peer.heard if data[0] & 0xF0 == 0x90 and data[2] in (80, 90)]
    assert [data[0] & 0x0F for data in thru] == [LEFT, 0, 0, 0, 0]
    programs = [(d[0] & 0x0F, d[1]) for _, d in peer.heard if d[0] & 0xF0 == 0xC0]
    assert sorted(set(programs)) == [(0, 0), (MODEL, 0), (BASS, 32), (LEFT, 32)]
    pedals = [d for _, d in peer.heard if d[0] & 0xF0 == 0xB0 and d[1] == 64]
    assert {d[2] for d in pedals} == {0, 127}
    assert all(last(pedals, channel) == 0 for channel in (MODEL, BASS))


def last(pedals, channel):
    return next((d[2] for d in reversed(pedals) if d[0] & 0x0F == channel), 0)


def played(peer, until=float("inf")):
    """Return the model's note-ons."""
    return [
        data
        for at, data in list(peer.heard)
        if data[0] in (0x90 | MODEL, 0x90 | BASS) and data[2] > 0 and at < until
    ]


def most_at_once(peer):
    down, most = set(), 0
    for _, data in peer.heard:
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if channel not in (MODEL, BASS) or kind not in (0x80, 0x90):
            continue
        (down.add if kind == 0x90 and data[2] else down.discard)((channel, data[1]))
        most = max(most, len(down))
    return most


def only(field, value):
    p = np.zeros(field.size)
    p[field.encode(value)] = 1.0
    return p


def planned(revision, count):
    """Return the pitches that a network which prefers none draws, from their noise alone."""
    part = FIELD_SLICE["pitch"]
    low, high = PITCH.encode(LOWEST), PITCH.encode(HIGHEST)
    pitches = []
    for draw in range(count):
        noise = draw_noise(np.random.default_rng((SEED, 1, revision, draw)))[part]
        pitches.append(PITCH.decode(low + int(np.argmax(noise[low : high + 1]))))
    return pitches


def test_what_is_played_changes_the_plan_within_the_commit_horizon(performer, peer, tmp_path):
    # A note every three ticks, 62.5 ms at 120 BPM, of any pitch. Which plan a note is of can be
    # heard: each plan draws its own pitches.
    model = write_model(
        tmp_path / "steady.onnx",
        {
            "instrument": only(INSTRUMENT, 0),
            "shift": only(SHIFT, 3),
            "duration": only(DURATION, 2),
        },
    )
    session = performer(
        *("--virtual", "--mode", "duet", "--bpm", "120", "--seed", str(SEED)),
        *("--model", str(model), "--output-channel", "2"),
        *settings(**{"bounds.lowest_pitch": LOWEST, "bounds.highest_pitch": HIGHEST}),
        *settings(**{"turns.horizon_ms": 100}),
    )
    session.wait_ready()
    peer.connect()
    peer.play([(0.0, 0.2, 60)])
    jack.wait_for(lambda: len(peer.notes_on(MODEL)) >= 12, "the first plan")
    struck = []
    for number in range(5):
        at = peer.send(0x90, 67 + number, 80)
        struck.append(at)
        jack.wait_for(lambda at=at: len(peer.notes_on(MODEL, at)) >= 8, "the next plan")
        peer.send(0x80, 67 + number, 0)

    notes = peer.notes_on(MODEL)
    pitches = [pitch for _, pitch in notes]
    late, begin = [], 0
    for revision, at in enumerate(struck):
        old, new = (planned(r, len(notes)) for r in (revision, revision + 1))
        drawn = next(i for i, pitch in enumerate(pitches[begin:]) if pitch != old[i])
        begin += drawn
        assert pitches[begin : begin + 3] == new[:3]
        assert notes[begin][0] >= at
        late.append(notes[begin - 1][0] - at - 0.1)
    # The last note of each old plan: no later than the horizon and 20 ms; once, a busy machine's.
    assert statistics.median(late) <= 0.02
    assert max(late) <= 0.25
