"""Measure the performer on this machine, through real ports, and print a table.

    python -m benchmarks.performer [--model FILE] [--notes 2000]

The JACK server that it starts is its own, without a sound card. What is late is measured where it
matters: the moment at which the MIDI library was told, against the moment that was planned.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import psutil

from live.events import FIELDS, START, special_event
from live.journal import read_header, read_lines
from live.model import Model
from live.prediction import FREE, draw_noise
from tests import jack

PROJECT = Path(__file__).resolve().parent.parent
BPM = 300
MIB = 2**20

Row = tuple[str, str, str]
"""What, target, measured."""


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=PROJECT / "exported_models" / "default.onnx")
    parser.add_argument("--notes", type=int, default=2000, help="sent notes to judge lateness by")
    arguments = parser.parse_args()
    rows = model_rows(arguments.model)
    missing = jack.missing_programs()
    if missing:
        print(f"without JACK ({', '.join(missing)}) only the model is measured", file=sys.stderr)
    else:
        with jack.server():
            rows += session_rows(arguments.model, arguments.notes)
    print_table(rows, f"Measured on {date.today()} on {machine()}.")


def print_table(rows: list[Row], title: str) -> None:
    """Print rows as a table of Markdown."""
    print(f"{title}\n\n| what | target | measured |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def machine() -> str:
    """Return what this machine is, in a few words."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cpu}, {psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def model_rows(path: Path) -> list[Row]:
    """Time one event and the priming of a window, on one thread."""
    model = Model(path)
    network, precision = model.metadata["network"], model.metadata["precision"]
    random = np.random.default_rng(0)
    # The whole of what the performer does for a note: chance, masks, LSTM, heads, sampling.
    events, states = special_event(START)[None], model.zero_states()
    forced = np.full(5, FREE, dtype=np.int32)
    step_ms = []
    for _ in range(2000):
        began = time.perf_counter()
        prediction = model.run(
            events, states, noise=draw_noise(random), forced=forced, temperature=1.0, min_p=0.05
        )
        step_ms.append(1e3 * (time.perf_counter() - began))
        states = prediction.states
    window = np.ones((128, len(FIELDS)), dtype=np.int32)
    prime_ms = []
    for _ in range(50):
        began = time.perf_counter()
        model.run(window, model.zero_states())
        prime_ms.append(1e3 * (time.perf_counter() - began))
    size = f"{network['layers']} x {network['units']} units, {precision}, one thread"
    return [
        (
            f"one whole event ({size})",
            f"median at most {0.3 if precision == 'int8' else 0.7} ms",
            f"median {np.median(step_ms):.2f} ms, p99 {np.percentile(step_ms, 99):.2f} ms",
        ),
        (
            "priming on a window of 128, anew",
            "at most 40 ms",
            f"median {np.median(prime_ms):.1f} ms, p99 {np.percentile(prime_ms, 99):.1f} ms",
        ),
    ]


def session_rows(model: Path, notes: int) -> list[Row]:
    """Run a session that goes on by itself and look at its journal."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "live",
            "--no-page",
            "--virtual",
            "--mode",
            "continue",
            "--seed",
            "1",
        ]
        command += ["--bpm", str(BPM), "--model", str(model), "--record", folder]
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        ready_s = time.perf_counter() - began
        assert "ready in" in line, line
        peer = jack.Peer()
        peer.connect()
        peer.play([(i * 0.1, i * 0.1 + 0.09, 60 + i) for i in range(8)])
        journal = next(Path(folder).glob("*.jsonl"))
        deadline = time.monotonic() + 600
        while len(lateness_ms(journal)) < notes and time.monotonic() < deadline:
            time.sleep(1)
        memory = process_memory(process.pid)
        process.terminate()
        process.communicate(timeout=20)
        peer.close()
        late = lateness_ms(journal)
    p50, p99, p999 = np.percentile(late, [50, 99, 99.9])
    realtime = "with" if "| real-time priority" in line else "without"
    return [
        (
            f"lateness of {len(late)} sent notes while the model plays, {realtime} real-time "
            "priority",
            "p99 at most 2 ms",
            f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, p99.9 {p999:.2f} ms, worst {max(late):.2f} ms",
        ),
        ("start to ready", "at most 2 s", f"{ready_s:.2f} s"),
        (
            "memory (own, not shared)",
            "",
            ", ".join(f"{name} {size:.0f} MiB" for name, size in memory.items()),
        ),
    ]


def lateness_ms(journal: Path) -> list[float]:
    """Return how late each note-on of the model's was sent."""
    return [late_ms for _, late_ms in sent_notes(journal)]


def sent_notes(journal: Path) -> list[tuple[float, float]]:
    """Return when each note-on of the model's was sent, in seconds, and how late, in ms."""
    origin = read_header(journal)["origin_s"]
    return [
        (line.time_s, 1e3 * (line.time_s + origin - line.rest[2]))
        for line in read_lines(journal)
        if line.kind == "out" and len(line.rest) == 3 and line.rest[0].startswith("9")
    ]


def process_memory(pid: int) -> dict[str, float]:
    """Return the memory that each process of a session has for itself, in MiB."""
    parent = psutil.Process(pid)
    processes = {"parent": parent}
    processes |= {p.name(): p for p in parent.children() if p.name() in ("midi_io", "improviser")}
    return {name: p.memory_full_info().uss / MIB for name, p in processes.items()}


if __name__ == "__main__":
    main()
