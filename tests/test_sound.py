"""The answer sounds: FluidSynth as a client of JACK, recorded to a WAV file."""

from __future__ import annotations

import array
import shutil
import signal
import subprocess
import time
import wave
from pathlib import Path

import pytest

from tests import jack

pytestmark = pytest.mark.jack

SOUNDFONTS = [Path("/usr/share/sounds/sf2/TimGM6mb.sf2"), Path("/usr/share/sounds/sf2/default.sf2")]


@pytest.fixture
def synth(jack_server, tmp_path):
    soundfont = next((path for path in SOUNDFONTS if path.exists()), None)
    if shutil.which("fluidsynth") is None or soundfont is None:
        jack.skip("needs FluidSynth: apt-get install fluidsynth timgm6mb-soundfont")
    wav = tmp_path / "answer.wav"
    options = {"audio.file.name": wav, "audio.file.type": "wav", "midi.jack.id": "synth"}
    command = ["fluidsynth", "-q", "-m", "jack", "-a", "file"]
    command += [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    process = subprocess.Popen(
        [*command, str(soundfont)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield process, wav
    process.kill()
    process.wait()


def loudness(wav, from_s, to_s):
    """Return the root mean square of a part of a 16-bit WAV file."""
    with wave.open(str(wav)) as file:
        assert file.getsampwidth() == 2
        rate, channels = file.getframerate(), file.getnchannels()
        samples = array.array("h", file.readframes(file.getnframes()))
    part = samples[int(from_s * rate) * channels : int(to_s * rate) * channels]
    return (sum(s * s for s in part) / max(1, len(part))) ** 0.5


def test_answer_is_heard_through_a_synth(performer, peer, synth):
    process, wav = synth
    session = performer("--virtual", "--no-thru", "--bpm", "160", "--seed", "3")
    session.wait_ready()
    jack.connect("peer-keys:out", jack.port_named("Continuo In"))
    synth_port = next(p for p in jack.ports() if p.startswith("synth") and "midi" in p.lower())
    jack.connect(jack.port_named("Continuo Out"), synth_port)
    began = time.perf_counter()
    peer.play([(i * 0.2, i * 0.2 + 0.15, 60 + 2 * i) for i in range(5)])
    silent_until = time.perf_counter()
    jack.wait_for(lambda: "your turn" in session.output, "the end of the answer")
    session.stop(signal.SIGTERM)
    process.communicate(b"quit\n", timeout=10)  # so that it completes the WAV file
    with wave.open(str(wav)) as file:
        total_s = file.getnframes() / file.getframerate()
    quiet_s = silent_until - began
    assert total_s > quiet_s + 1
    assert loudness(wav, 0.2, quiet_s) < 5  # thru is off: what sounds is the answer
    assert loudness(wav, total_s - 3.0, total_s) > 50
