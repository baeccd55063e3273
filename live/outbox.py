"""Sending to another process without ever waiting for it."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

MAX_WAITING: Final = 1000


class Outbox:
    """A thread that sends what is put here, in order; who puts does not wait.

    A message with a key takes the place of an unsent one with the same key, and goes to the end of
    the queue. When too many wait, because the other side does not listen, the oldest are dropped.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._waiting: dict[Hashable, Any] = {}
        self._count = 0
        self._closed = False
        self.dropped = 0
        """Messages that were dropped because too many waited."""
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, message: Any, key: Hashable = None) -> None:
        """Send a message when those before it are sent."""
        with self._changed:
            self._count += 1
            slot = ("key", key) if key is not None else ("number", self._count)
            self._waiting.pop(slot, None)
            self._waiting[slot] = message
            if len(self._waiting) > MAX_WAITING:
                del self._waiting[next(iter(self._waiting))]
                self.dropped += 1
            self._changed.notify()

    def send_now(self, message: Any) -> None:
        """Send a message before those that wait, and wait until it is sent.

        Raises:
            OSError: the other side is gone.
        """
        with self._sending:
            self._connection.send(message)

    def close(self) -> None:
        """Send no more; what waits is dropped. The connection stays open."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()

    def join(self) -> None:
        """Wait until nothing is being sent any more; for when it is closed and the other gone."""
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                message = self._waiting.pop(next(iter(self._waiting)))
            # If the other side is gone, whoever reads from it finds out.
            with self._sending, suppress(OSError):
                self._connection.send(message)
