"""What a terminal shows: a few lines that stay in place, and plain lines where there is none."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from rich.console import Console, Group

from live.config_file import PROJECT
from live.messages import Health
from live.panel import REFRESH_S, Panel, shown
from tests.core.room import Room

HEALTH = Health(
    time_s=0.0,
    input="Keystation",
    output="FluidSynth",
    input_connected=True,
    output_connected=True,
    realtime=True,
    late_notes=2,
    worst_late_ms=7.25,
    recorded_s=83.4,
    lost_lines=0,
)


@pytest.fixture
def room():
    room = Room(mode="continue", bpm=120, model="models/jazz.onnx", temperature=0.8)
    room.play(room.note(0, 0.9, 60), room.note(1, 0.9, 64), until=5)
    return room


def rendered(panel, now_s, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(Group(*panel.lines(now_s)))
    return console.file.getvalue().splitlines()


def test_the_lines_say_all_that_a_player_wants_to_know(room):
    panel = Panel()
    now = room.now
    panel.take(replace(room.core.view(now), model_ms=0.612, model_worst_ms=3.2))
    panel.take(HEALTH)
    turn, ports, you, model, sampling, quality = rendered(panel, now)
    beat = int(room.core.clock.tick_at(now) // 24) % 4 + 1
    assert turn == f"the model plays | continue | 120 BPM, internal clock | beat {beat} of 4"
    assert ports == "in Keystation | out FluidSynth"
    assert you.split() == ["you", "C4", "E4"]
    begun = [n for n in room.model if n.onset_s <= now]
    assert len(model.split()) == 1 + len(begun) > 2
    assert "temperature 0.8" in sampling
    assert "jazz.onnx" in sampling
    assert "0.61 ms per event (longest 3.20)" in sampling
    assert "2 late notes (latest by 7.2 ms) | recorded 1:23" in quality


def test_what_sounds_is_marked_and_what_is_only_planned_is_not_shown(room):
    panel = Panel()
    panel.take(room.core.view(room.now))
    _, _, model, _ = panel.lines(room.now)
    marked = [model.plain[span.start : span.end].split() for span in model.spans]
    sounding = [n for n in room.model if n.onset_s <= room.now < n.release_s]
    assert len(marked) == len(sounding)


def test_a_lost_port_a_full_disk_and_missing_priority_are_seen():
    panel = Panel()
    panel.take(replace(HEALTH, input_connected=False, realtime=False, lost_lines=3))
    ports, quality = rendered(panel, 0.0)
    assert ports == "in Keystation (not connected) | out FluidSynth | no real-time priority"
    assert "3 lines LOST" in quality


def test_a_narrow_terminal_cuts_lines_instead_of_wrapping_them(room):
    panel = Panel()
    panel.take(room.core.view(room.now))
    panel.take(HEALTH)
    lines = rendered(panel, room.now, width=20)
    assert len(lines) == 6
    assert all(len(line) <= 20 for line in lines)


class Watched:
    """Stands in for a session: hands a watcher whatever a test has."""

    def watch(self, watcher):
        self.tell = watcher
        return lambda: None


def test_a_flood_of_views_is_drawn_seldom_and_told_lines_stay_above(room):
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    session = Watched()
    began = time.monotonic()
    with shown(session, console):
        for number in range(2000):
            session.tell(replace(room.core.view(room.now), bpm=100.0 + number / 100))
            if number == 1000:
                console.print("told to the user")
        time.sleep(3 * REFRESH_S)
    took = time.monotonic() - began
    text = console.file.getvalue()
    assert text.count("told to the user") == 1
    drawn = text.count("the model plays")
    assert 1 <= drawn <= took / REFRESH_S + 3  # and once more where a line is told above it
    last = text.rpartition("\x1b[2K")[2]
    assert "BPM" not in last  # it is wiped away at the end


def test_nothing_is_drawn_where_lines_cannot_stay_in_place(room):
    console = Console(file=io.StringIO())
    with shown(Watched(), console):
        console.print("plain")
    assert console.file.getvalue() == "plain\n"


def test_on_a_terminal_the_demo_stays_in_place_and_ends_with_the_recording(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "live",
            "--demo",
            "--no-page",
            "--seconds",
            "2",
            "--record",
            str(tmp_path),
        ],
        cwd=PROJECT,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "60"},
    )
    os.close(theirs)
    out = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        out += data
    os.close(ours)
    assert process.wait(20) == 0
    text = out.decode()
    assert text.count("your turn | call | 120 BPM") >= 2
    assert text.count("\x1b[1A\x1b[2K") >= 6
    last_wipe = text.rindex("\x1b[2K")
    assert "recorded " in text[last_wipe:]
    assert "Traceback" not in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", text)
    panel = [line for line in plain.splitlines() if "late notes" in line or "BPM," in line]
    assert panel
    assert max(map(len, panel)) <= 60
