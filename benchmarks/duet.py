"""Measure how soon a duet takes up what the player plays, through real ports.

    python -m benchmarks.duet [--notes 100]

The network plays a note every 3 ticks, as fast as it may, and prefers no pitch, so that each plan
can be told by its pitches: those of its own random draws. What is measured is the last note that is
still of the plan before the player's note: it may come no later than the commit horizon and 20 ms.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.performer import machine
from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.events import DURATION, INSTRUMENT, PITCH, SHIFT, Field
from live.model import Model
from live.prediction import FIELD_SLICE, Floats, draw_noise
from tests import jack
from tests.conftest import Performer as Session
from tests.models import write_model

BPM = 120
HORIZON_MS = 100
SEED = 3
MODEL_CHANNEL = 1
DEFAULT = Path(__file__).resolve().parent.parent / "exported_models" / "default.onnx"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=100, help="notes of the player's")
    arguments = parser.parse_args()
    missing = jack.missing_programs()
    if missing:
        parser.exit(2, f"needs JACK ({', '.join(missing)}): apt-get install jackd2\n")
    with jack.server(), tempfile.TemporaryDirectory() as folder:
        over = beyond_horizon_ms(Path(folder), arguments.notes)
    core = core_ms()
    print(f"Measured on {date.today()} on {machine()}; duet at {BPM} BPM.\n")
    print("| what | target | measured |\n|---|---|---|")
    print(
        f"| last note of the old plan, beyond the horizon of {HORIZON_MS} ms | at most 20 ms | "
        f"median {np.median(over):.1f} ms, p95 {np.percentile(over, 95):.1f} ms, worst of "
        f"{len(over)}: {max(over):.1f} ms |"
    )
    print(
        "| core and shipped model: from the player's note to the next note planned | | "
        f"median {np.median(core):.1f} ms, p99 {np.percentile(core, 99):.1f} ms |"
    )


def beyond_horizon_ms(folder: Path, count: int) -> list[float]:
    """Return, for each of the player's notes, how late the last note of the old plan came."""
    model = write_model(
        folder / "steady.onnx",
        {
            "instrument": _only(INSTRUMENT, 0),
            "shift": _only(SHIFT, 3),
            "duration": _only(DURATION, 1),
        },
    )
    flags = ("--virtual", "--mode", "duet", "--bpm", str(BPM), "--seed", str(SEED))
    flags += ("--model", str(model), "--output-channel", str(MODEL_CHANNEL + 1))
    flags += ("--set", f"turns.horizon_ms={HORIZON_MS}")
    chance = random.Random(1)
    with _session(folder, flags) as peer:
        peer.play([(0.0, 0.1, 60)])
        time.sleep(2.0)
        struck = []
        for _ in range(count):
            struck.append(peer.send(0x90, 60, 80))
            time.sleep(0.1)
            peer.send(0x80, 60, 0)
            time.sleep(chance.uniform(0.4, 0.6))
        notes = peer.notes_on(MODEL_CHANNEL)
    return _late_ms(notes, struck)


def _late_ms(notes: list[tuple[float, int]], struck: list[float]) -> list[float]:
    plans = _plans(notes)
    late: list[float] = []
    for at_s in struck:
        index = max(i for i, (first_s, _) in enumerate(plans) if first_s <= at_s)
        ends_s = [last_s for _, last_s in plans[index : index + 2]]
        if None not in ends_s and ends_s[0] is not None:
            late.append(1000 * (ends_s[0] - at_s) - HORIZON_MS)
    return late


def _plans(notes: list[tuple[float, int]]) -> list[tuple[float, float | None]]:
    """Return when each plan's first and last note was heard.

    There is a plan for each of the player's notes, and more where the machine let the core
    oversleep. Where a note was lost on the way here, its plan's end is None.
    """
    plans: list[tuple[float, float | None]] = []
    begin = revision = 0
    while begin < len(notes):
        heard = [pitch for _, pitch in notes[begin : begin + 3]]
        later = range(revision, revision + 5)
        found = [r for r in later if heard == [_pitch(r, i) for i in range(len(heard))]]
        if not found:
            plans.append((notes[begin][0], None))
            begin += 1
            continue
        end = begin
        while end < len(notes) and notes[end][1] == _pitch(found[0], end - begin):
            end += 1
        plans.append((notes[begin][0], notes[end - 1][0]))
        begin, revision = end, found[0] + 1
    return plans


def core_ms() -> list[float]:
    """Return how long the core takes, with the shipped model, from hearing a note to its plan."""
    core = Performer(PerformerSettings(mode="duet", bpm=BPM, seed=SEED), Model(DEFAULT))
    took: list[float] = []
    asked_s = 1.0
    for i in range(200):
        now_s = 1.0 + 0.25 * i
        while (wake_s := core.wake_at()) is not None and wake_s < now_s:
            asked_s = max(asked_s, wake_s)
            core.advance(asked_s)
        began = time.perf_counter()
        core.hear(now_s, bytes([0x90, 60 + i * 5 % 12, 80]))
        core.advance(now_s)
        took.append(1000 * (time.perf_counter() - began))
        core.hear(now_s + 0.1, bytes([0x80, 60 + i * 5 % 12, 0]))
    return took[20:]


@contextmanager
def _session(folder: Path, flags: tuple[str, ...]) -> Iterator[jack.Peer]:
    session = Session(*flags, folder=folder / "sessions")
    peer = jack.Peer()
    try:
        session.wait_ready()
        peer.connect()
        yield peer
    finally:
        session.close()
        peer.close()


def _pitch(revision: int, draw: int) -> int:
    noise = draw_noise(np.random.default_rng((SEED, 1, revision, draw)))[FIELD_SLICE["pitch"]]
    low, high = PITCH.encode(21), PITCH.encode(108)
    return PITCH.decode(low + int(np.argmax(noise[low : high + 1]))) or 0


def _only(field: Field, value: int) -> Floats:
    p = np.zeros(field.size, dtype=np.float32)
    p[field.encode(value)] = 1.0
    return p


if __name__ == "__main__":
    main()
