"""The shell around the core: what the player did is told to it once, and in order."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from live import improviser
from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.journal import JournalWriter
from live.messages import Failed, Heard, Ready, Stop

MODEL = Path(__file__).resolve().parent.parent / "exported_models" / "default.onnx"


class Core(Performer):
    """Keeps what it is told and does nothing about it."""

    def __init__(self, settings, network):
        super().__init__(settings, network)
        self.heard: list[bytes] = []
        self.times: list[float] = []
        cores.append(self)

    def hear(self, time_s, data):
        self.heard.append(data)
        self.times.append(time_s)
        return []

    def advance(self, now_s):
        return []

    def wake_at(self):
        return None


cores: list[Core] = []


class Shell:
    """The improviser's body on a thread, with real pipes and a real journal."""

    def __init__(self, journal, model=MODEL):
        self.midi_io, theirs = multiprocessing.Pipe()
        self.parent, theirs_too = multiprocessing.Pipe()
        self.thread = threading.Thread(
            target=improviser.run,
            args=(PerformerSettings(model=str(model)), journal, theirs, theirs_too),
        )

    def start(self):
        self.thread.start()
        assert self.parent.poll(30)
        return self.parent.recv()

    def stop(self):
        self.parent.send(Stop())
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def core(monkeypatch):
    cores.clear()
    monkeypatch.setattr(improviser, "Performer", Core)
    return cores


def test_what_is_played_while_it_starts_is_heard_once(tmp_path, core):
    journal = tmp_path / "session.jsonl"
    writer = JournalWriter(journal, {})
    shell = Shell(journal)
    messages = [bytes([0x90, 60 + n, 80]) for n in range(8)]
    for number, message in enumerate(messages):
        now = time.perf_counter()
        if number < 5:  # the rest comes too late for the journal to be read with it
            writer.write("in", now, message, number + 1)
        shell.midi_io.send(Heard(now, message, number + 1))
        time.sleep(0.002)
    writer.close()
    assert isinstance(shell.start(), Ready)
    deadline = time.monotonic() + 10
    while len(core[0].heard) < len(messages) and time.monotonic() < deadline:
        time.sleep(0.01)
    shell.stop()
    assert core[0].heard == messages
    assert core[0].times == sorted(core[0].times)


def test_model_that_cannot_be_read_is_the_parents_to_tell(tmp_path):
    shell = Shell(tmp_path / "session.jsonl", tmp_path / "none.onnx")
    told = shell.start()
    assert isinstance(told, Failed)
    assert "none.onnx" in told.reason
    shell.thread.join(10)
    assert not shell.thread.is_alive()
