"""What has a deadline is sent earlier or later than it sounds; the journal tells when it sounds."""

from __future__ import annotations

import threading
import time

import pytest

from live.journal import JournalWriter, read_header, read_lines
from live.messages import PlayNote, Pulse
from live.midi_io.player import Player


class Output:
    name = "a synth"

    def __init__(self):
        self.sent = []

    def send(self, data):
        self.sent.append((time.perf_counter(), data))

    def close(self):
        pass


@pytest.mark.parametrize("latency_s", [-0.2, 0.2])
def test_notes_and_clock_are_sent_with_the_latency_and_noted_without(latency_s, tmp_path):
    output = Output()
    path = tmp_path / "session.jsonl"
    journal = JournalWriter(path, {})
    player = Player(output, journal)
    player.latency_s = latency_s
    thread = threading.Thread(target=player.run_schedule)
    thread.start()
    onset_s = time.perf_counter() + 0.4
    tick_s = 0.1
    player.lead(Pulse(onset_s, 48, tick_s, 48, running=True))
    player.play(PlayNote(onset_s, onset_s + 0.3, 0, 60, 80))
    time.sleep(0.4 + 0.3 + 0.2 + 0.1)
    player.stop()
    thread.join(5)
    journal.close()

    def first(status):
        return next(at_s for at_s, data in output.sent if data[0] == status)

    assert first(0x90) - onset_s == pytest.approx(latency_s, abs=0.1)
    assert first(0x80) - onset_s - 0.3 == pytest.approx(latency_s, abs=0.1)
    assert first(0xFA) - onset_s == pytest.approx(latency_s, abs=0.1)
    origin_s = read_header(path)["origin_s"]
    noted = [line for line in read_lines(path) if line.kind == "out"]
    assert [line.time_s + origin_s - onset_s for line in noted] == [
        pytest.approx(0.0, abs=0.1),
        pytest.approx(0.3, abs=0.1),
    ]
    assert [line.rest[2] - onset_s for line in noted] == [0.0, pytest.approx(0.3)]
