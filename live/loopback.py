"""Notes that are sent out of one port and heard at another, each with the time that it took."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from live.core.ear import NOTE_ON
from live.midi_io import ports
from live.midi_io.names import VIRTUAL

RELAY_IN: Final = "Continuo relay in"
RELAY_OUT: Final = "Continuo relay out"
ARRIVES_S: Final = 1.0
"""Whatever has not arrived by then never does."""


@dataclass
class Stopwatch:
    """Sends notes and times them; a note-on is known by its pitch and velocity."""

    output: ports.OutputPort
    took_ms: list[float] = field(default_factory=list)
    _sent: dict[tuple[int, int], float] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lost(self) -> int:
        """How many notes have not arrived; ask when all should have."""
        return len(self._sent)

    def strike(self, channel: int, length_s: float) -> None:
        """Play a note on a channel, and wait for its end."""
        pitch, velocity = 48 + self._count % 24, 1 + self._count % 100
        self._count += 1
        with self._lock:
            self._sent[pitch, velocity] = time.perf_counter()
        self.output.send(bytes([NOTE_ON | channel, pitch, velocity]))
        time.sleep(length_s)
        self.output.send(bytes([0x80 | channel, pitch, 0]))

    def hear(self, channel: int, data: list[int]) -> None:
        """Take what has arrived; only note-ons of the channel count."""
        now_s = time.perf_counter()
        if len(data) == 3 and data[0] == NOTE_ON | channel and data[2] > 0:
            with self._lock:
                sent_s = self._sent.pop((data[1], data[2]), None)
            if sent_s is not None:
                self.took_ms.append(1000 * (now_s - sent_s))


def time_ports_alone(api: int, notes: int) -> list[float]:
    """Return how long notes take into a program and out again that only hands them on.

    Args:
        api: RtMidi's number of the MIDI system.
        notes: how many are sent.

    Returns:
        Times in milliseconds: what the ports take, without Continuo.

    Raises:
        UserError: such ports cannot be made here.
    """
    with ExitStack() as opened:

        def output(wanted: str, name: str) -> ports.OutputPort:
            port = ports.open_output(api, wanted, name)
            opened.callback(port.close)
            return port

        def source(wanted: str, on_input: ports.OnInput, name: str) -> None:
            opened.callback(ports.open_input(api, wanted, on_input, name).close)

        relay = output(VIRTUAL, RELAY_OUT)
        source(VIRTUAL, lambda data: relay.send(bytes(data)), RELAY_IN)
        watch = Stopwatch(output(RELAY_IN, "Continuo doctor out"))
        source(RELAY_OUT, lambda data: watch.hear(0, data), "Continuo doctor in")
        time.sleep(0.1)
        for _ in range(notes):
            watch.strike(0, 0.01)
        time.sleep(0.1)
        return watch.took_ms
