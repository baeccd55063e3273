"""A JACK server of the tests' own, and clients that play on it and listen to it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import rtmidi

from live.midi_io.ports import QUEUE_LENGTH, RtMidiInput

PERIOD_FRAMES = 64
RATE = 48000


def missing_programs() -> list[str]:
    return [name for name in ("jackd", "jack_connect", "jack_lsp") if shutil.which(name) is None]


def skip(reason: str) -> None:
    """Skip a test for want of a program, but fail where all of them have to run."""
    if os.environ.get("CONTINUO_REQUIRE_JACK"):
        pytest.fail(reason)
    pytest.skip(reason)


class Server:
    """A JACK server without a sound card."""

    def __init__(self, name: str, period_frames: int) -> None:
        self.name = name
        self._period_frames = period_frames

    def start(self) -> None:
        # Synchronous: otherwise JACK drops and repeats messages of clients that were delayed.
        command = ["jackd", "-n", self.name, "-S", *_priority(), "-d", "dummy"]
        command += ["-r", str(RATE), "-p", str(self._period_frames)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: _lsp().returncode == 0, "the JACK server", 60)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def server(period_frames: int = PERIOD_FRAMES) -> Iterator[Server]:
    """Run a JACK server of a name of its own; this process's children and clients use it.

    The name is of a few: JACK knows eight servers, and forgets one that was killed only when
    another of its name begins.
    """
    before = os.environ.get("JACK_DEFAULT_SERVER")
    with _free_name() as name:
        one = Server(name, period_frames)
        os.environ["JACK_DEFAULT_SERVER"] = name
        try:
            one.start()
            yield one
        finally:
            one.thaw()
            one.stop()
            if before is None:
                del os.environ["JACK_DEFAULT_SERVER"]
            else:
                os.environ["JACK_DEFAULT_SERVER"] = before


@contextmanager
def _free_name() -> Iterator[str]:
    for number in range(8):
        name = f"continuo-test-{number}"
        with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # another run of the tests has it
            if _lsp(name).returncode:  # else it was left running
                yield name
                return
    raise AssertionError("eight JACK servers of tests are running")


def _priority() -> list[str]:
    """Real-time where the system grants it, as on a musician's machine."""
    try:
        before = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(60))
        os.sched_setscheduler(0, *before)
    except OSError:
        return ["-r"]
    return ["-R", "-P", "60"]


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


def port_named(end: str) -> str:
    """Return the full name of the port whose name ends so, once it is there."""
    wait_for(lambda: any(p.endswith(end) for p in ports()), f"the port {end}")
    return next(p for p in ports() if p.endswith(end))


def ports() -> list[str]:
    return _lsp().stdout.splitlines()


def connect(source: str, target: str) -> None:
    """Connect two ports, if the performer has not done so itself already."""
    done = subprocess.run(["jack_connect", source, target], capture_output=True, timeout=10)
    if done.returncode:
        listed = subprocess.run(
            ["jack_lsp", "-c", source], capture_output=True, text=True, timeout=10
        )
        assert target in listed.stdout, done.stderr.decode()


def _lsp(server: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"JACK_DEFAULT_SERVER": server} if server else {})
    environment["JACK_NO_START_SERVER"] = "1"
    return subprocess.run(["jack_lsp"], capture_output=True, text=True, timeout=20, env=environment)


def listen(client: str, port: str, on_message: Callable[[list[int]], None]) -> RtMidiInput:
    """Return a client that has a port to listen at."""
    one = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=client, queue_size_limit=QUEUE_LENGTH)
    one.open_virtual_port(port)
    return RtMidiInput(one, port, on_message)


@dataclass
class Peer:
    """A musician at the other end: one client that plays, one that listens."""

    heard: list[tuple[float, bytes]] = field(default_factory=list)
    ears: bool = True

    def __post_init__(self) -> None:
        self._out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="peer-keys")
        self._out.open_virtual_port("out")
        self._in: RtMidiInput | None = None
        if self.ears:
            self.open_ears()

    def open_ears(self) -> None:
        """Begin to listen, if it does not yet."""
        self._in = listen("peer-ears", "in", self._on_message)

    def connect(self) -> None:
        connect("peer-keys:out", port_named("Continuo In"))
        connect(port_named("Continuo Out"), "peer-ears:in")

    def send(self, *data: int) -> float:
        self._out.send_message(data)
        return time.perf_counter()

    def play(self, notes: list[tuple[float, float, int]], channel: int = 0) -> float:
        """Play notes (onset, release, pitch), seconds from now; return when the last one ended."""
        began = time.perf_counter() + 0.05
        messages = [(on, (0x90 | channel, pitch, 80)) for on, _, pitch in notes]
        messages += [(off, (0x80 | channel, pitch, 0)) for _, off, pitch in notes]
        ended = began
        for at, data in sorted(messages):
            time.sleep(max(0.0, began + at - time.perf_counter()))
            ended = self.send(*data)
        return ended

    def notes_on(self, channel: int, since: float = 0.0) -> list[tuple[float, int]]:
        """Return (time, pitch) of the note-ons heard on a channel."""
        return [
            (at, data[1])
            for at, data in list(self.heard)
            if data[0] == 0x90 | channel and data[2] > 0 and at >= since
        ]

    def sounding(self) -> set[tuple[int, int]]:
        """Return (channel, pitch) of what was struck and not released."""
        down: set[tuple[int, int]] = set()
        for _, data in list(self.heard):
            key = (data[0] & 0x0F, data[1] if len(data) > 1 else 0)
            if data[0] & 0xF0 == 0x90 and data[2] > 0:
                assert key not in down, f"{key} was struck twice without a note-off between"
                down.add(key)
            elif data[0] & 0xF0 in (0x80, 0x90):
                down.discard(key)
        return down

    def close(self) -> None:
        if self._in is not None:
            self._in.close()
        self._out.close_port()
        self._out.delete()

    def _on_message(self, data: list[int]) -> None:
        self.heard.append((time.perf_counter(), bytes(data)))
