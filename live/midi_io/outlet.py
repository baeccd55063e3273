"""The output as the player sees it: it stays while the ports behind it come and go."""

from __future__ import annotations

import threading
import time

from live.midi_io.echo import EchoFilter
from live.midi_io.ports import OutputPort, SendError


class Outlet:
    """Hands messages on to the present port; without one they are dropped.

    The lock is held for as long as a message takes to be queued, and while ports are exchanged,
    never while one is opened or closed.
    """

    def __init__(self, echo: EchoFilter | None = None) -> None:
        self._port: OutputPort | None = None
        self._echo = echo
        self._lock = threading.Lock()
        self._paused = False
        self.has_failed = False
        """Whether the present port has refused a message: its device is gone."""

    def send(self, data: bytes) -> None:
        """Send one whole message, if there is where to."""
        with self._lock:
            if self._port is None or self._paused:
                return
            try:
                self._port.send(data)
            except SendError:
                self.has_failed = True
                return
            if self._echo is not None:
                self._echo.sent(time.perf_counter(), data)

    def exchange(self, port: OutputPort | None) -> OutputPort | None:
        """Send to this port from now on; return the one before."""
        with self._lock:
            before, self._port = self._port, port
            self.has_failed = False
            return before

    def pause(self, paused: bool) -> None:
        """Drop messages for a while: a port that takes none in the end lets its sender wait."""
        with self._lock:
            self._paused = paused

    def close(self) -> None:
        """Close the port."""
        port = self.exchange(None)
        if port is not None:
            port.close()
