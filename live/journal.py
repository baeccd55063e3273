"""The session's journal: one line of JSON per event, appended as it happens.

The first line is the header, a JSON object. Every other line is a JSON array whose first element is
its kind and whose second is its time in seconds since the journal began:

    ["in", time, hex]                      a message of the player's
    ["out", time, hex, number, deadline]   a message sent for the model's note of that number
    ["turn", time, whose]                  who has the word from here on
    ["end", time]                          the session was ended, not cut off

A line that was cut off, or makes no sense, costs only itself.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

JOURNAL_VERSION: Final = 1
SYNC_INTERVAL_S: Final = 1.0
"""The disk is asked to keep what was written this often: what a power cut may cost."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a journal; ``rest`` is what follows kind and time."""

    kind: str
    time_s: float
    rest: tuple[Any, ...]


class JournalWriter:
    """Appends from any thread; a thread of its own waits for the disk."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Open the journal; times are counted from now.

        Raises:
            OSError: the file cannot be written.
        """
        self._origin_s = time.perf_counter()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        first = {"journal": JOURNAL_VERSION, **header, "origin_s": self._origin_s}
        os.write(self._file, (json.dumps(first) + "\n").encode())
        self._queue: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self.lost_lines = 0
        """Lines that the disk did not take."""
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def write(self, kind: str, time_s: float, *rest: Any) -> None:
        """Append a line; ``time_s`` is a moment of ``time.perf_counter``. Bytes become hex."""
        self._queue.put((kind, time_s, *rest))

    def close(self) -> None:
        """Write what is queued and the end, and close the file."""
        self.write("end", time.perf_counter())
        self._queue.put(None)
        self._thread.join()
        os.close(self._file)

    def _write(self) -> None:
        synced_s = time.perf_counter()
        while True:
            entries = [self._queue.get()]
            while not self._queue.empty():
                entries.append(self._queue.get())
            lines = [self._format(*entry) for entry in entries if entry is not None]
            try:
                os.write(self._file, "".join(lines).encode())
                if time.perf_counter() - synced_s > SYNC_INTERVAL_S or entries[-1] is None:
                    os.fsync(self._file)
                    synced_s = time.perf_counter()
            except OSError:
                self.lost_lines += len(lines)
            if entries[-1] is None:
                return

    def _format(self, kind: str, time_s: float, *rest: Any) -> str:
        plain = [r.hex() if isinstance(r, bytes) else r for r in rest]
        return json.dumps([kind, round(time_s - self._origin_s, 6), *plain]) + "\n"


def read_header(path: Path) -> dict[str, Any]:
    """Return a journal's header; empty if there is none that can be read.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        try:
            header = json.loads(file.readline())
        except ValueError:
            return {}
    return header if isinstance(header, dict) else {}


def read_lines(path: Path) -> Iterator[Line]:
    """Yield a journal's events in the order in which they were written.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                entry = json.loads(text)
            except ValueError:
                continue
            if (
                isinstance(entry, list)
                and len(entry) >= 2
                and isinstance(entry[0], str)
                and isinstance(entry[1], int | float)
            ):
                yield Line(entry[0], float(entry[1]), tuple(entry[2:]))
