"""Ableton Link: the performer and another peer, alone in a network of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from live.journal import read_lines
from tests import jack
from tests.conftest import PROJECT

pytestmark = pytest.mark.jack

BPM = 150.0


def skip(reason):
    if os.environ.get("CONTINUO_REQUIRE_LINK"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def network():
    """Make a network namespace in which only loopback is up: no packet can leave it."""
    pytest.importorskip("aalink")
    if shutil.which("ip") is None:
        skip("needs the program ip: apt-get install iproute2")
    name = f"continuo-test-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        skip(f"needs leave to make a network namespace (root): {made.stderr.strip()}")
    within = ("ip", "netns", "exec", name)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        routes = subprocess.run([*within, "ip", "route"], capture_output=True, text=True)
        links = subprocess.run([*within, "ip", "-o", "link"], capture_output=True, text=True)
        assert routes.stdout == ""
        assert [line.split()[1] for line in links.stdout.splitlines()] == ["lo:"]
        yield within
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@dataclass
class Answer:
    tempo: float
    beat: float
    at_s: float
    playing: bool
    peers: int

    def phase(self, time_s, quantum):
        """Return how far a moment is from the nearest multiple of a quantum, in beats."""
        beat = self.beat + (time_s - self.at_s) * self.tempo / 60
        return (beat + quantum / 2) % quantum - quantum / 2


class Musician:
    """The other peer."""

    def __init__(self, within):
        self._process = subprocess.Popen(
            [*within, sys.executable, "-m", "tests.link_musician"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return Answer(*json.loads(self._process.stdout.readline()))

    def ask(self):
        return self.tell("ask")

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)


@pytest.fixture
def musician(network):
    one = Musician(network)
    yield one
    one.close()


def lines_of(session):
    return list(read_lines(next(session.folder.glob("*.jsonl"))))


def onsets_of(session):
    """Return the moments for which the model's notes were planned."""
    return [
        line.rest[2]
        for line in lines_of(session)
        if line.kind == "out" and len(line.rest) == 3 and line.rest[0].startswith("9")
    ]


def settings_of(tmp_path):
    config = tmp_path / "config.toml"
    model = PROJECT / "exported_models" / "default.onnx"
    config.write_text(
        f'[sampling]\nmodel = "{model}"\n[controls]\ntakeover = "jump"\n'
        'time.bpm = "cc 20: 60 to 187"\ntime.clock = ["cc 21: link", "cc 22: internal"]\n'
    )
    return str(config)


def test_the_music_follows_the_session_and_may_set_its_tempo(
    performer, peer, musician, network, tmp_path
):
    musician.tell(f"tempo {BPM}")
    flags = ("--mode", "solo", "--virtual", "--seed", "3")
    session = performer(*flags, "--config", settings_of(tmp_path), within=network)
    session.wait_ready()
    peer.connect()
    assert musician.ask().peers == 0  # off by default
    peer.send(0xB0, 21, 127)
    jack.wait_for(lambda: "1 other peer" in session.output, "the other peer")
    jack.wait_for(lambda: peer.notes_on(0) != [], "the model's notes", 60)

    # A peer stops the session, and the music stops.
    musician.tell("play")
    time.sleep(0.5)
    musician.tell("stop")
    jack.wait_for(lambda: "your turn" in session.output, "the stop")
    time.sleep(0.2)
    assert peer.sounding() == set()
    heard = len(peer.notes_on(0))
    time.sleep(1.0)
    assert len(peer.notes_on(0)) == heard

    # A peer starts it, and a piece begins.
    began_s = time.perf_counter()
    musician.tell("play")
    jack.wait_for(lambda: len(peer.notes_on(0)) > heard + 6, "the piece", 60)
    at = musician.ask()
    assert (at.tempo, at.peers) == (pytest.approx(BPM, abs=0.01), 1)

    # The performer's tempo is everybody's.
    peer.send(0xB0, 20, 127)
    jack.wait_for(lambda: abs(musician.ask().tempo - 187) < 0.01, "the new tempo")

    # It leaves when its clock is its own again.
    assert session.child("link").is_running()
    peer.send(0xB0, 22, 127)
    jack.wait_for(lambda: musician.ask().peers == 0, "its leave")
    session.stop(signal.SIGTERM)

    # The piece began on a bar of the session's, and what follows stands on its ticks.
    onsets = [onset_s for onset_s in onsets_of(session) if began_s < onset_s < at.at_s]
    assert abs(at.phase(onsets[0], quantum=4)) * 60 / BPM < 0.003
    assert max(abs(at.phase(onset_s, quantum=1 / 24)) for onset_s in onsets) * 60 / BPM < 0.003
    changes = [line.rest for line in lines_of(session) if line.kind == "set"]
    tempi = [value for name, value in changes if name == "bpm"]
    assert tempi[-2:] == [pytest.approx(BPM), pytest.approx(187)]


def test_link_that_is_not_there_is_one_line(performer, monkeypatch, tmp_path):
    hidden = tmp_path / "hidden" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda n, p=None: None if n == 'aalink' else find(n, p)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hidden.parent))
    session = performer("--clock", "link", "--demo")
    assert session.process.wait(20) == 2
    (line,) = session.output.splitlines()
    assert "continuo[link]" in line
