"""Measure the promises of docs/stage.md on this machine, through real ports, and print a table.

    python -m benchmarks.stage [--seconds 60]

Everything is measured on a JACK server of its own, without a sound card. Thru and lateness are held
against mido's (a callback that sends on, ``MidiFile.play``) in the same run: the same notes, the
same listener, and a model that plays beside both.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import mido
import numpy as np
import psutil

from benchmarks.performer import PROJECT, Row, machine
from live.journal import read_header, read_lines
from live.journal_line import Line
from live.loopback import Stopwatch
from tests import jack

BPM = 240
PLAYER, MODEL, FLOOD = 0, 1, 2
"""Channels."""
FLOOD_PER_S = 5000


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="of each measurement")
    seconds = parser.parse_args().seconds
    missing = jack.missing_programs()
    if missing:
        sys.exit(f"needs JACK ({', '.join(missing)}): apt-get install jackd2")
    with jack.server(), tempfile.TemporaryDirectory() as folder:
        rows = [
            *thru_rows(Path(folder) / "thru", seconds),
            *lateness_rows(Path(folder) / "late", seconds),
            *replay_rows(Path(folder) / "late"),
            *failure_rows(Path(folder) / "fail"),
            *loss_rows(Path(folder) / "loss"),
        ]
    print(f"Measured on {date.today()} on {machine()}.\n")
    print("| promise | target | measured |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


# -- sessions and peers --------------------------------------------------------------------------


@contextmanager
def session(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Run a session whose ports are connected to nobody yet."""
    command = [sys.executable, "-m", "live", "--virtual", "--no-page", "--record", str(folder)]
    command += ["--bpm", str(BPM), "--output-channel", str(MODEL + 1), "--seed", "1", *flags]
    # The terminal's output is a file: nobody has to read it for the session to go on.
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "told.txt").open("w+") as told:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=told, text=True)
        try:
            jack.wait_for(
                lambda: "ready in" in told_by(folder) or process.poll() is not None, "it", 60
            )
            assert process.poll() is None, told_by(folder)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def told_by(folder: Path) -> str:
    """Return what the session has told its user."""
    return (folder / "told.txt").read_text()


def wire(source: str, target: str) -> None:
    """Connect two ports, if they are not yet."""
    subprocess.run(["jack_connect", source, target], capture_output=True, timeout=10)


def unwire(source: str, target: str) -> None:
    """Part two ports, if they are connected."""
    subprocess.run(["jack_disconnect", source, target], capture_output=True, timeout=10)


def child(process: subprocess.Popen[str], name: str) -> psutil.Process:
    """Return a process of a session: "midi_io" or "improviser"."""
    children = psutil.Process(process.pid).children(recursive=True)
    return next(each for each in children if each.name() == name)


@contextmanager
def mido_peer(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run mido's thru or player."""
    command = [sys.executable, "-m", "benchmarks.mido_peer", *arguments]
    process = subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()


class Keys:
    """What a stopwatch sends to: the peer's output port, which several may play on."""

    def __init__(self, peer: jack.Peer) -> None:
        self._peer = peer
        self._lock = threading.Lock()

    def send(self, data: bytes) -> None:
        """Send one message."""
        with self._lock:
            self._peer.send(*data)

    def close(self) -> None:
        """Leave the port to its owner."""

    abandon = close


def spread(times_ms: Sequence[float]) -> str:
    """Return median, p99 and worst in words."""
    p50, p99 = np.percentile(times_ms, [50, 99])
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {max(times_ms):.2f} ms ({len(times_ms)})"


# -- thru ----------------------------------------------------------------------------------------


class Timed(list[tuple[float, bytes]]):
    """What a peer has heard: handed to a stopwatch there and then."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self._watch = watch

    def append(self, heard: tuple[float, bytes]) -> None:
        """Take a message."""
        self._watch.hear(PLAYER, list(heard[1]))


def time_thru(peer: jack.Peer, seconds: float, during: Callable[[Keys], None]) -> list[float]:
    """Return how long notes take through whatever the peer is connected to, in milliseconds."""
    keys = Keys(peer)
    watch = Stopwatch(keys)
    peer.heard = Timed(watch)
    end_s = time.perf_counter() + seconds
    beside = threading.Thread(target=during, args=(keys,))
    beside.start()
    while time.perf_counter() < end_s:
        watch.strike(PLAYER, 0.02)
        time.sleep(0.01)
    beside.join()
    time.sleep(1.0)
    assert watch.lost == 0, f"{watch.lost} notes did not come back"
    return watch.took_ms


def nothing(_: Keys) -> None:
    """Let the notes be alone."""


def flood(keys: Keys, seconds: float) -> None:
    """Send controller messages as fast as no player can."""
    began_s = time.perf_counter()
    for number in itertools.count():
        at_s = began_s + number / FLOOD_PER_S
        if at_s > began_s + seconds:
            return
        left_s = at_s - time.perf_counter()
        if left_s > 0.001:
            time.sleep(left_s)
        keys.send(bytes([0xB0 | FLOOD, 1 + number % 30, number % 128]))


def thru_rows(folder: Path, seconds: float) -> list[Row]:
    """Time thru beside a model that computes, that restarts, and under a flood; mido's as well."""
    rows = []
    flooded = f"under {FLOOD_PER_S} messages a second"
    for name in ("while the model computes", "while it restarts", flooded):
        with session(folder / name.split()[-1], "--mode", "duet") as process:
            during: Callable[[Keys], None] = nothing
            if name == flooded:
                during = partial(flood, seconds=seconds)
            peer = jack.Peer()
            peer.connect()
            restarts = name == "while it restarts"
            kills = partial(kill_now_and_then, pid=process.pid, seconds=seconds)
            ours = time_thru(peer, seconds, kills if restarts else during)
            peer.close()
            # mido's thru takes the same notes beside the same session, which plays on.
            peer = jack.Peer()
            with mido_peer("thru"):
                time.sleep(1.5)  # the session connects itself to a peer that comes back
                wire("peer-keys:out", jack.port_named("Continuo In"))
                unwire(jack.port_named("Continuo Out"), "peer-ears:in")
                wire("peer-keys:out", jack.port_named("mido in"))
                wire(jack.port_named("mido out"), "peer-ears:in")
                theirs = time_thru(peer, seconds, during)
            peer.close()
        base = float(np.median(theirs))
        rows.append(
            (
                f"3. thru {name}: added to the median of mido's thru ({base:.2f} ms)",
                "p99 at most 2 ms",
                f"{spread([each - base for each in ours])}; mido's own: "
                f"{spread([each - base for each in theirs])}",
            )
        )
    return rows


def kill_now_and_then(_: Keys, pid: int, seconds: float) -> None:
    """End the improviser twice; a third and a fourth time a minute it would not come back."""
    for _ in range(2):
        time.sleep(seconds / 4)
        for each in psutil.Process(pid).children(recursive=True):
            if each.name() == "improviser":
                each.kill()


# -- lateness ------------------------------------------------------------------------------------


def lateness_rows(folder: Path, seconds: float) -> list[Row]:
    """Let the model play, and mido the same notes while it plays on; compare where they arrive."""
    peer = jack.Peer()
    with session(folder / "first", "--mode", "continue"):
        peer.connect()
        peer.play([(i * 0.1, i * 0.1 + 0.09, 60 + i) for i in range(8)])
        time.sleep(seconds)
    recording = next((folder / "first").glob("*.mid"))
    journal = recording.with_suffix(".jsonl")
    deadlines = [deadline for _, deadline in sent(journal)]
    ours = after(deadlines, [at for at, _ in peer.notes_on(MODEL)])
    rows = [
        (
            "the model's notes leave on time (journal)",
            "p99 at most 2 ms",
            spread([1000 * (at - deadline) for at, deadline in sent(journal)]),
        )
    ]
    peer.close()
    track = folder / "model.mid"
    file = mido.MidiFile(recording)
    del file.tracks[1]  # the player's
    file.save(track)
    peer = jack.Peer()
    with session(folder / "second", "--mode", "continue"), mido_peer("play", str(track)) as player:
        wire("peer-keys:out", jack.port_named("Continuo In"))
        peer.play([(i * 0.1, i * 0.1 + 0.09, 60 + i) for i in range(8)])
        wire(jack.port_named("mido out"), "peer-ears:in")
        assert player.stdin is not None
        assert player.stdout is not None
        player.stdin.write("\n")
        player.stdin.flush()
        began_s = float(player.stdout.readline())
        player.wait(seconds + 60)
        time.sleep(0.2)
    intended, now_s = [], began_s
    for message in mido.MidiFile(track):
        now_s += message.time
        if message.type == "note_on" and message.velocity > 0:
            intended.append(now_s)
    theirs = after(intended, [at for at, _ in peer.notes_on(MODEL)])
    peer.close()
    rows.append(
        (
            "the same notes at the listener's port: Continuo, and mido's MidiFile.play",
            "not later than mido's",
            f"Continuo {spread(ours)}; mido {spread(theirs)}",
        )
    )
    return rows


def sent(journal: Path) -> list[tuple[float, float]]:
    """Return when each note-on of the model's was sent, and its deadline."""
    origin_s = read_header(journal)["origin_s"]

    def is_onset(line: Line) -> bool:
        return line.kind == "out" and len(line.rest) == 3 and line.rest[0].startswith("9")

    return [(origin_s + x.time_s, x.rest[2]) for x in read_lines(journal) if is_onset(x)]


def after(intended: list[float], arrived: list[float]) -> list[float]:
    """Return how long after their moments notes arrived, one after the other, in milliseconds."""
    assert len(intended) == len(arrived), (len(intended), len(arrived))
    return [1000 * (at - due) for due, at in zip(sorted(intended), arrived, strict=True)]


# -- failures ------------------------------------------------------------------------------------


def failure_rows(folder: Path) -> list[Row]:
    """Kill processes while notes sound: when is it silent, when is everything back?"""
    silent_ms: list[float] = []
    back_s: dict[str, list[float]] = {"improviser": [], "midi_io": []}
    for name, times in back_s.items():
        for attempt in range(3):
            where = folder / f"{name}{attempt}"
            with session(where, "--mode", "continue") as process:
                peer = jack.Peer()
                peer.connect()
                peer.play([(0.0, 0.2, 60), (0.25, 0.4, 64)])
                jack.wait_for(lambda peer=peer: bool(model_keys(peer)), "a note")
                killed_s = time.perf_counter()
                child(process, name).kill()
                # The JACK port of a killed midi_io is gone with it; its note-offs come when it is
                # back and connected again.
                if name == "improviser":
                    jack.wait_for(lambda peer=peer: not model_keys(peer), "silence")
                    silent_ms.append(1000 * (time.perf_counter() - killed_s))
                jack.wait_for(
                    lambda where=where: "improviser is back" in told_by(where), "the model", 30
                )
                times.append(time.perf_counter() - killed_s)
                peer.close()
    return [
        (
            "2. no note hangs: silence after a kill of the improviser",
            "at most 2000 ms",
            f"{max(silent_ms):.0f} ms at worst of {len(silent_ms)}",
        ),
        *(
            (
                f"4. the show goes on: from a kill of {name} to a model that plays again",
                "at most 2 s",
                f"{', '.join(f'{each:.2f}' for each in times)} s",
            )
            for name, times in back_s.items()
        ),
    ]


def model_keys(peer: jack.Peer) -> set[tuple[int, int]]:
    """Return the model's keys that sound."""
    return {key for key in peer.sounding() if key[0] == MODEL}


def loss_rows(folder: Path) -> list[Row]:
    """Kill all processes at once while somebody plays; then start again."""
    lost_ms: list[float] = []
    for _ in range(3):
        with session(folder, "--mode", "call") as process:
            peer = jack.Peer()
            peer.connect()
            stop = threading.Event()

            def play(peer: jack.Peer = peer, stop: threading.Event = stop) -> None:
                while not stop.is_set():
                    peer.send(0x90, 60, 80)
                    time.sleep(0.005)
                    peer.send(0x80, 60, 0)
                    time.sleep(0.005)

            player = threading.Thread(target=play)
            player.start()
            time.sleep(2.0)
            family = [*psutil.Process(process.pid).children(recursive=True)]
            for each in family:
                os.kill(each.pid, signal.SIGKILL)
            process.kill()
            killed_s = time.perf_counter()
            process.wait()
            stop.set()
            player.join()
            peer.close()
        journal = max(folder.glob("*.jsonl"))
        origin_s = read_header(journal)["origin_s"]
        kept_s = origin_s + max(line.time_s for line in read_lines(journal))
        lost_ms.append(1000 * (killed_s - kept_s))
    with session(folder):
        pass
    taken = len(list(folder.glob("*.jsonl"))) - 1
    recovered = len(list(folder.glob("*.mid"))) - 1
    return [
        (
            "1. no take is lost: what kill -9 of all processes costs",
            "at most 100 ms",
            f"{max(lost_ms):.0f} ms at worst of {len(lost_ms)}; {recovered} of {taken} recovered",
        ),
    ]


def replay_rows(folder: Path) -> list[Row]:
    """Play the session of the lateness again."""
    recording = next((folder / "first").glob("*.mid"))
    replayed = subprocess.run(
        [sys.executable, "-m", "live", "replay", str(recording)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    return [
        (
            "5. any session can be played again",
            "the same notes",
            "; ".join(replayed.stdout.splitlines()[:2]) or replayed.stderr.strip(),
        ),
    ]


if __name__ == "__main__":
    main()
