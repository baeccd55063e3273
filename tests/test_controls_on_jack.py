"""Knobs, pads and program changes of a second client, while the performer plays."""

from __future__ import annotations

import json
import shutil
import signal
import time
from itertools import pairwise

import numpy as np
import pytest

from live.config_file import PROJECT
from live.events import DURATION, PITCH, SHIFT
from tests import jack
from tests.models import write_model

pytestmark = pytest.mark.jack

MODEL = 1
HIGH = 96
FLAGS = ("--virtual", "--output-channel", "2", "--seed", "3", "--mode", "continue")


@pytest.fixture
def start(performer, peer, tmp_path):
    """Return a function that starts a session with these controls and three models to choose."""

    def start(controls):
        folder = tmp_path / "models"
        folder.mkdir()
        shutil.copy(PROJECT / "exported_models" / "default.onnx", folder / "first.onnx")
        # A model that is told by what it plays: one high note on each half beat.
        write_model(
            folder / "second.onnx",
            {
                "shift": np.eye(SHIFT.size)[SHIFT.encode(12)],
                "pitch": np.eye(PITCH.size)[PITCH.encode(HIGH)],
                "duration": np.eye(DURATION.size)[DURATION.encode(10)],
            },
        )
        (folder / "broken.onnx").write_bytes(b"not a model")
        config = tmp_path / "config.toml"
        config.write_text(
            '[sampling]\nmodel = "models/first.onnx"\n[models]\n0 = "models/first.onnx"\n'
            '1 = "models/second.onnx"\n2 = "models/broken.onnx"\n3 = "models/none.onnx"\n'
            f"[controls]\n{controls}\n"
        )
        session = performer("--config", str(config), *FLAGS)
        session.wait_ready()
        peer.connect()
        return session

    return start


def wait_for_notes(peer, count, since=0.0):
    jack.wait_for(lambda: len(peer.notes_on(MODEL, since)) >= count, f"{count} notes")
    return peer.notes_on(MODEL, since)


def journal(session):
    (path,) = session.folder.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def test_a_knob_changes_the_tempo_of_what_plays_once_it_passes_the_present_one(start, peer):
    session = start('time.bpm = "cc 20: 60 to 240"\nmidi.thru = "note 36 channel 10"')
    peer.send(0xC0, 1)  # half beats all the way
    jack.wait_for(lambda: "second.onnx now" in session.output, "the other model")
    peer.play([(0.0, 0.3, 60)])
    slow = wait_for_notes(peer, 6)
    for value in (10, 30):  # below 120 BPM: it has not taken over
        peer.send(0xB0, 20, value)
    for value in (100, 127):
        peer.send(0xB0, 20, value)
    turned = time.perf_counter()
    fast = wait_for_notes(peer, 8, turned + 0.3)
    gap = [np.median([b - a for (a, _), (b, _) in pairwise(notes)]) for notes in (slow, fast)]
    assert gap[0] == pytest.approx(0.25, rel=0.1)  # half a beat at 120 BPM
    assert gap[1] == pytest.approx(0.125, rel=0.1)  # and at 240
    assert not any(data[0] == 0xB0 and data[1] == 20 for _, data in peer.heard)

    struck = peer.send(0x99, 36, 100)  # a pad that switches thru off; midi_io minds it itself
    time.sleep(0.1)
    peer.send(0x90, 72, 90)
    time.sleep(0.2)
    assert peer.notes_on(0, struck) == []
    assert peer.notes_on(9) == []
    session.stop(signal.SIGTERM)
    sets = [line[2:] for line in journal(session) if line[0] == "set"]
    assert [value for name, value in sets if name == "bpm"][-1] == 240
    assert ["thru", False] in sets
    assert peer.sounding() == set()


def test_a_program_change_loads_another_model_without_a_gap(start, peer):
    session = start("")
    peer.play([(0.0, 0.3, 60), (0.5, 0.8, 64), (1.0, 1.3, 67)])
    wait_for_notes(peer, 6)
    asked = peer.send(0xC0, 1)
    jack.wait_for(lambda: "the model is second.onnx now" in session.output, "the other model")
    told = time.perf_counter()
    later = wait_for_notes(peer, 8, told + 0.4)
    assert {pitch for _, pitch in later} == {HIGH}
    ons = [at for at, _ in peer.notes_on(MODEL, asked - 1.0)]
    assert max(b - a for a, b in pairwise(ons)) < 1.3  # rests of the first model: two beats at most
    peer.send(0xC0, 0)
    jack.wait_for(lambda: "the model is first.onnx now" in session.output, "the first model again")
    jack.wait_for(
        lambda: any(p != HIGH for _, p in peer.notes_on(MODEL, time.perf_counter() - 1)),
        "its notes",
    )
    assert not any(data[0] == 0xC0 for _, data in peer.heard)  # they are no music
    session.stop(signal.SIGTERM)
    models = [line[2]["model"] for line in journal(session) if line[0] == "model"]
    assert models == ["second.onnx", "first.onnx"]
    time.sleep(0.1)
    assert peer.sounding() == set()


@pytest.mark.slow
def test_a_program_without_a_model_is_one_line_and_the_music_goes_on(start, peer):
    session = start("")
    peer.play([(0.0, 0.2, 60)])
    wait_for_notes(peer, 2)
    for program, says in (
        (2, "broken.onnx is not"),
        (3, "cannot read the model"),
        (9, "program 9 has no model"),
    ):
        before = len(session.output.splitlines())
        asked = peer.send(0xC0, program)
        jack.wait_for(lambda says=says: says in session.output, "the line")
        wait_for_notes(peer, 2, asked + 0.3)
        assert len(session.output.splitlines()) == before + 1
    assert session.process.poll() is None
