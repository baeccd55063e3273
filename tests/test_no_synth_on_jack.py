"""A keyboard is there and nothing that sounds: it is played all the same."""

from __future__ import annotations

import signal

import mido
import pytest

from tests import jack

pytestmark = pytest.mark.jack


@pytest.fixture
def keyboard(jack_server):
    peer = jack.Peer(ears=False)
    yield peer
    peer.close()


def test_keyboard_without_a_synth_is_played_and_a_synth_may_come_later(performer, keyboard):
    session = performer("--or-page", "--bpm", "240")
    session.wait_ready()
    assert "no synth is here" in session.output
    assert "peer-keys:out -> Continuo Out" in session.output
    keyboard.play([(0.0, 0.2, 60), (0.25, 0.45, 64)])
    keyboard.open_ears()
    jack.connect(jack.port_named("Continuo Out"), "peer-ears:in")
    keyboard.play([(0.0, 0.2, 67)])
    jack.wait_for(lambda: bool(keyboard.notes_on(0)), "the synth")
    file = mido.MidiFile(session.stop(signal.SIGTERM))
    struck = [m.note for m in file.tracks[1] if m.type == "note_on" and m.velocity > 0]
    assert struck == [60, 64, 67]


def test_without_keyboard_and_synth_it_is_the_demo_again(performer, jack_server):
    session = performer("--or-page", "--bpm", "240", "--seconds", "1")
    assert session.process.wait(60) == 0, session.output
    assert "so this is the demo" in session.output
    assert "no synth" not in session.output
