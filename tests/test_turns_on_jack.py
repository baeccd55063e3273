"""Turns through real ports: pedals that are commands, a solo, a session that only listens."""

from __future__ import annotations

import signal
import time

import mido
import pytest

from tests import jack

pytestmark = pytest.mark.jack

MODEL = 1
BEAT = 0.25
FLAGS = ("--virtual", "--bpm", "240", "--output-channel", "2", "--seed", "3")
PHRASE = [(i * BEAT, (i + 0.9) * BEAT, pitch) for i, pitch in enumerate((60, 64, 67, 72))]
PEDALS = {"your_turn": 20, "my_turn": 21, "again": 22, "keep": 23, "panic": 24}


@pytest.fixture
def start(performer, peer, tmp_path):
    """Return a function that starts a session whose commands are bound to controllers."""
    config = tmp_path / "config.toml"
    config.write_text(
        "[controls]\n" + "".join(f'{name} = "cc {number}"\n' for name, number in PEDALS.items())
    )

    def start(*flags):
        session = performer("--config", str(config), *FLAGS, *flags)
        session.wait_ready()
        peer.connect()
        return session

    return start


def press(peer, name):
    pressed = peer.send(0xB0, PEDALS[name], 127)
    peer.send(0xB0, PEDALS[name], 0)
    return pressed


def wait_for_notes(peer, since):
    jack.wait_for(lambda: len(peer.notes_on(MODEL, since)) >= 2, "the model's notes")


def test_pedals_hand_the_word_over_and_back(start, peer):
    session = start("--phrase-end", "trigger", "--answer", "bars", "--answer-bars", "16")
    ended = peer.play(PHRASE)
    time.sleep(6 * BEAT)
    assert peer.notes_on(MODEL, ended) == []  # silence is no trigger

    yours = press(peer, "your_turn")
    wait_for_notes(peer, yours)
    press(peer, "keep")
    again = press(peer, "again")
    wait_for_notes(peer, again + 0.1)
    mine = press(peer, "my_turn")
    time.sleep(0.1)
    assert peer.sounding() == set()
    time.sleep(4 * BEAT)
    assert peer.notes_on(MODEL, mine + 0.1) == []

    peer.send(0x90, 40, 90)  # a key that is held, until panic
    jack.wait_for(lambda: peer.sounding() == {(0, 40)}, "the held key")
    press(peer, "panic")
    everywhere = {bytes([0xB0 | channel, 123, 0]) for channel in range(16)}
    jack.wait_for(lambda: everywhere <= {data for _, data in peer.heard}, "all notes off")
    assert peer.sounding() == set()

    controllers = {data[1] for _, data in peer.heard if data[0] & 0xF0 == 0xB0}
    assert controllers.isdisjoint(PEDALS.values())  # they are no music
    file = mido.MidiFile(session.stop(signal.SIGTERM))
    assert [m.text for m in file.tracks[0] if m.type == "marker"] == ["keep"]


def test_solo_begins_by_itself_and_yields_to_the_player(start, peer):
    began = time.perf_counter()
    start("--mode", "solo")
    wait_for_notes(peer, began)
    played = peer.play(PHRASE[:1])
    time.sleep(0.1)
    assert peer.sounding() == set()
    assert peer.notes_on(MODEL, played) == []


def test_listen_records_and_does_not_play(start, peer):
    session = start("--mode", "listen")
    peer.play(PHRASE)
    press(peer, "your_turn")
    time.sleep(6 * BEAT)
    assert peer.notes_on(MODEL) == []
    player = mido.MidiFile(session.stop(signal.SIGTERM)).tracks[1]
    struck = [m.note for m in player if m.type == "note_on" and m.velocity > 0]
    assert struck == [pitch for _, _, pitch in PHRASE]
