"""How midi_io is: counted as it plays, told to the parent twice a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from live.heartbeat import BEAT_S
from live.journal import JournalWriter
from live.messages import LATE_S, Health
from live.midi_io.names import Side
from live.outbox import Outbox


class HealthMeter:
    """Counts what matters to the user; only whole numbers and names, so no lock is needed."""

    def __init__(self, input_name: str, output_name: str, realtime: bool) -> None:
        self.input_name = input_name
        self.output_name = output_name
        self.input_connected = True
        self.output_connected = True
        self._realtime = realtime
        self._began_s = time.perf_counter()
        self._late_notes = 0
        self._worst_late_s = 0.0

    def sent(self, late_s: float) -> None:
        """A note of the model's has left so long after its moment."""
        if late_s > LATE_S:
            self._late_notes += 1
        self._worst_late_s = max(self._worst_late_s, late_s)

    def set_connected(self, side: Side, connected: bool) -> None:
        """Note whether the port that is meant is connected."""
        if side == "input":
            self.input_connected = connected
        else:
            self.output_connected = connected

    def read(self, now_s: float, journal: JournalWriter) -> Health:
        """Return how things are now."""
        return Health(
            time_s=now_s,
            input=self.input_name,
            output=self.output_name,
            input_connected=self.input_connected,
            output_connected=self.output_connected,
            realtime=self._realtime,
            late_notes=self._late_notes,
            worst_late_ms=round(1000 * self._worst_late_s, 3),
            recorded_s=journal.length_s(now_s),
            lost_lines=journal.lost_lines,
        )

    def tell(
        self, journal: Callable[[], JournalWriter], parent: Outbox, stopping: threading.Event
    ) -> None:
        """Tell the parent until the end; a thread's body. ``journal`` returns the present one."""
        while not stopping.wait(BEAT_S):
            parent.put(self.read(time.perf_counter(), journal()), key="health")
