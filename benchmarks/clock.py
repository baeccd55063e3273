"""Measure how well clocks are followed and led, and print rows of a table.

    python -m benchmarks.clock [--seconds 60]

Three things: the pure core on a simulated MIDI clock of half an hour; the performer led by
jack_midi_clock; the MIDI clock that the performer sends, as jack_midi_dump receives it. The last
two run on a JACK server without a sound card; their figures are in frames of that server, as the
other program saw them. RtMidi hands messages to JACK at period boundaries, so that no moment on
JACK is better known than to a period.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import numpy as np

from benchmarks.performer import PROJECT, Row, machine, print_table
from tests import jack
from tests.core.room import Room
from tests.core.sequencer import started

MINUTES = 30
TEMPI = (118, 121, 126, 119.5, 90, 140)
"""Of the simulated clock, minute by minute."""
JITTER_MS = 3.0
LOST = 0.002
SENT_BPM = (120, 97)
LED_BPM = 120
PERIOD_MS = 1000 * jack.PERIOD_FRAMES / jack.RATE
PROGRAMS = ("jack_midi_clock", "jack_midi_dump", "jack_transport", "stdbuf")


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="length of each run on JACK")
    arguments = parser.parse_args()
    print_table(rows(arguments.seconds), f"Measured on {date.today()} on {machine()}.")


def rows(seconds: float) -> list[Row]:
    """Return all rows; those on JACK only where its programs are."""
    measured = simulated_rows()
    missing = jack.missing_programs() + [p for p in PROGRAMS if shutil.which(p) is None]
    if missing:
        print(f"clocks on JACK are not measured without {', '.join(missing)}", file=sys.stderr)
        return measured
    with jack.server():
        measured += led_rows(seconds)
        for bpm in SENT_BPM:
            measured += sent_rows(bpm, seconds)
    return measured


def simulated_rows() -> list[Row]:
    """Let the core play along with a clock that jitters and loses messages."""
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started(jitter_s=JITTER_MS / 1000, lost=LOST)
    for minute in range(MINUTES):
        bpm = TEMPI[minute % len(TEMPI)]
        clock.run(bpm, bpm)
    room.play(clock.messages, room.note(5, 0.5, 60))
    errors = clock.phase_errors_ms(room, clock.ticks[48] + 0.1)
    late = clock.phase_errors_ms(room, clock.ticks[-1] - 60)
    first = [error for seed in range(20) for error in _first_errors_ms(seed)]
    what = f"notes along with a MIDI clock of {MINUTES} simulated minutes, +-{JITTER_MS:g} ms"
    return [
        (
            f"{what}, {100 * LOST:g} % lost, a new tempo each minute: phase error",
            "mean at most 2 ms",
            f"mean {statistics.mean(errors):.2f} ms, p99 {np.percentile(errors, 99):.2f} ms; "
            f"in the last minute mean {statistics.mean(late):.2f} ms ({len(errors)} notes)",
        ),
        (
            "the same in beats 3 and 4 after its Start, 20 times",
            "mean at most 2 ms",
            f"mean {statistics.mean(first):.2f} ms, worst {max(first):.2f} ms",
        ),
    ]


def _first_errors_ms(seed: int) -> list[float]:
    room = Room(mode="continue", clock="midi", bpm=100, horizon_ms=50, handover="tick")
    clock = started(jitter_s=JITTER_MS / 1000, seed=seed).run(5, 120)
    room.play(clock.messages, [(0.1, b"\x90\x3c\x50"), (0.2, b"\x80\x3c\x00")])
    return clock.phase_errors_ms(room, clock.ticks[48], clock.ticks[96])


def led_rows(seconds: float) -> list[Row]:
    """Let jack_midi_clock lead, and compare the notes with its clock."""
    with performer("--clock", "midi", "--mode", "continue", "--no-thru") as peer, dump() as heard:
        subprocess.run(
            ["jack_transport"], input="locate 0\nstop\nquit\n", text=True, capture_output=True
        )
        clock = subprocess.Popen(
            ["jack_midi_clock", "-b", str(LED_BPM)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        source = jack.port_named("mclk_out")
        jack.connect(source, jack.port_named("Continuo In"))
        jack.connect(source, jack.port_named("midi-monitor:input"))
        subprocess.run(["jack_transport"], input="play\nquit\n", text=True, capture_output=True)
        time.sleep(2)
        peer.play([(i * 0.1, i * 0.1 + 0.09, 60 + i) for i in range(8)])
        time.sleep(seconds)
        subprocess.run(["jack_transport"], input="stop\nquit\n", text=True, capture_output=True)
        clock.terminate()
        clock.wait(10)
    ticks = np.array([frame for frame, status in heard if status == 0xF8])
    notes = np.array([frame for frame, status in heard if status & 0xF0 == 0x90])
    notes = notes[(notes > ticks[48]) & (notes < ticks[-1])]
    off = np.abs(notes[:, None] - ticks[None, :]).min(axis=1) * 1000 / jack.RATE
    return [
        (
            f"notes along with jack_midi_clock at {LED_BPM} BPM, on JACK: from its nearest tick",
            "mean at most 2 ms",
            f"mean {off.mean():.2f} ms, p99 {np.percentile(off, 99):.2f} ms ({len(off)} notes)",
        )
    ]


def sent_rows(bpm: float, seconds: float) -> list[Row]:
    """Let the performer send clock while the model plays, and look at the intervals."""
    with (
        performer("--send-clock", "--mode", "continue", "--bpm", str(bpm)) as peer,
        dump() as heard,
    ):
        time.sleep(1)
        peer.play([(i * 0.1, i * 0.1 + 0.09, 60 + i) for i in range(8)])
        time.sleep(seconds)
    begun = next(frame for frame, status in heard if status == 0xFA)
    ticks = np.array([f for f, status in heard if status == 0xF8 and f > begun])[24:]
    wanted_ms = 60_000 / bpm / 24
    off = np.abs(np.diff(ticks) * 1000 / jack.RATE - wanted_ms)
    whole = wanted_ms // PERIOD_MS * PERIOD_MS
    least = max(wanted_ms - whole, whole + PERIOD_MS - wanted_ms)
    return [
        (
            f"MIDI clock that is sent at {bpm:g} BPM while the model plays, on JACK: from interval "
            f"to interval (its periods of {PERIOD_MS:.2f} ms alone make up to {least:.2f} ms)",
            "p99 at most 1 ms",
            f"p50 {np.percentile(off, 50):.2f} ms, p99 {np.percentile(off, 99):.2f} ms, "
            f"worst {off.max():.2f} ms ({len(off)} intervals)",
        )
    ]


@contextmanager
def performer(*flags: str) -> Iterator[jack.Peer]:
    """Run the performer, and yield a musician who is connected to it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "live", "--virtual", "--seed", "1", "--no-page"]
        process = subprocess.Popen(
            [*command, "--record", folder, *flags], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "ready in" in line, line
        peer = jack.Peer()
        try:
            peer.connect()
            yield peer
        finally:
            process.terminate()
            process.communicate(timeout=20)
            peer.close()


@contextmanager
def dump() -> Iterator[list[tuple[int, int]]]:
    """Let jack_midi_dump listen to the performer; (frame, status byte) are there at the end."""
    with tempfile.TemporaryFile("w+") as file:
        process = subprocess.Popen(
            ["stdbuf", "-oL", "jack_midi_dump", "-a"], stdout=file, stderr=subprocess.STDOUT
        )
        jack.connect(jack.port_named("Continuo Out"), jack.port_named("midi-monitor:input"))
        heard: list[tuple[int, int]] = []
        yield heard
        process.terminate()
        process.wait(10)
        file.seek(0)
        lines = (re.match(r"\s*(\d+): ([0-9a-f]{2})", line) for line in file)
        heard += [(int(found[1]), int(found[2], 16)) for found in lines if found]


if __name__ == "__main__":
    main()
