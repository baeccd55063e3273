"""The session's journal: one line of JSON per event, appended as it happens.

The first line is the header, a JSON object. Every other line is a JSON array whose first element is
its kind and whose second is its time in seconds since the journal began:

    ["in", time, hex, number]              a message of the player's; the improviser is told it
                                           under that number, and not at all if there is none
    ["out", time, hex, number, deadline]   a message of the model's note of that number
    ["echo", time, hex]                    our own output that came back, and was left out
    ["control", time, hex, number]         a message of a control, which is no music
    ["hush", time, hex, number]            a message that midi_io tells the improviser by itself
    ["clock", time, hex, number]           a message of the MIDI clock that is followed
    ["link", time, {beat, bpm, playing, peers, ended}, number]
                                           where Ableton Link's timeline was
    ["missed", time, number]               a message that the improviser could not be told
    ["gone", time]                         the improviser ended, and with it the model's notes
    ["mark", time, text]                   the user marks this moment
    ["set", time, name, value]             a setting has another value from here on
    ["turn", time, whose]                  who has the word from here on
    ["beat", time, tick, seconds per tick, downbeat, ticks per bar]
                                           where the beat is, and a tick on which a bar begins, if
                                           it is not where it was to be expected
    ["core", time, {model, sha256, performer, since, lines, heard}]
                                           a core begins, with a model file of that hash, these
                                           settings, and a memory of what the "sum" of that number
                                           tells (0: from the first line on) and of so many lines
                                           after it, up to the message of a number
    ["step", time, number]                 it heard all messages up to that number and was asked
                                           what is due
    ["model", time, {model, sha256}]       it went on with another model file
    ["change", time, {name: value}]        it was given other settings
    ["do", time, command]                  it was given a command
    ["sum", time, {id, number, ...}]       what stands after all these lines (``live.standing``):
                                           who goes on from here need not read what was before
    ["end", time]                          the session was ended, not cut off

What follows from a change or a control ("set", "turn", "mark") stands there as well. Lines "core",
"step", "model", "change" and "do" stand in the order in which the core was called: a replay calls
it alike. Their times may be negative: the core may have begun before the journal.

A line that was cut off, or makes no sense, costs only itself.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from live.journal_line import Line, read_line
from live.patient_file import PatientFile
from live.standing import STANDING_KINDS, Standing
from live.tail import SECTION_LINES, read_tail

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

JOURNAL_VERSION: Final = 1
RETRY_S: Final = 0.5
"""A full disk is tried this often."""
RESOLUTION_S: Final = 1e-6
"""Of the times: they are written in whole microseconds."""
MOMENTS_PER_S: Final = 2**19
"""Moments that are to be read back exactly stand on this grid, wider than a microsecond."""


class JournalWriter:
    """Appends from any thread; a thread of its own waits for the disk."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Open the journal: a new one, whose times are counted from now, or one to go on with.

        Raises:
            OSError: the file cannot be written, or another process is writing it.
        """
        self.path = path
        earlier = read_header(path).get("origin_s") if path.exists() else None
        self._origin_s = moment(time.perf_counter())
        self.goes_on = isinstance(earlier, int | float)
        """Whether another process wrote it before."""
        if isinstance(earlier, int | float):
            self._origin_s = float(earlier)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        lock(self._file)
        if not self.goes_on:
            self._begin({"journal": JOURNAL_VERSION, **header, "origin_s": self._origin_s})
        self._disk = PatientFile(self._file, path)
        self._standing = Standing()
        self._unsummed = 0
        """Lines since the latest sum."""
        if self.goes_on:
            self._go_on(path)
        self._queue: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    @property
    def lost_lines(self) -> int:
        """Lines that the disk has not taken; while the journal is open they wait for room."""
        return self._disk.missing_lines

    def write(self, kind: str, time_s: float, *rest: Any) -> None:
        """Append a line; ``time_s`` is a moment of ``time.perf_counter``. Bytes become hex."""
        self._queue.put((kind, time_s, *rest))

    def length_s(self, now_s: float) -> float:
        """Return how long the session has been, breaks of this process included."""
        return now_s - self._origin_s

    def close(self) -> None:
        """Write what is queued and the end, and close the file."""
        self.write("end", time.perf_counter())
        self._queue.put(None)
        self._thread.join()
        self._disk.close()

    def _write(self) -> None:
        ended = False
        while not ended:
            entries: list[tuple[Any, ...] | None] = []
            with suppress(Empty):
                entries.append(self._queue.get(timeout=RETRY_S if self._disk.has_kept else None))
                while True:
                    entries.append(self._queue.get_nowait())
            ended = None in entries
            self._disk.append(
                [x for each in entries if each is not None for x in self._lines(each)]
            )

    def _lines(self, entry: tuple[Any, ...]) -> list[str]:
        """Return the line of an entry, and after it what stands, if that is due."""
        kind, time_s, *rest = entry
        time_s = round(time_s - self._origin_s, 6)
        lines = [json.dumps([kind, time_s, *rest], default=_plain) + "\n"]
        self._unsummed += 1
        if kind in STANDING_KINDS:
            line = read_line(lines[0].encode())  # as it will be read
            if line is not None:
                self._standing.take(line)
        if self._unsummed >= SECTION_LINES:
            lines.append(json.dumps(self._standing.summary(time_s)) + "\n")
            self._unsummed = 0
        return lines

    def _begin(self, header: dict[str, Any]) -> None:
        """Write the header, whole or not at all: a journal without one is nobody's."""
        line = (json.dumps(header) + "\n").encode()
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            raise

    def _go_on(self, path: Path) -> None:
        """Know what stands in a journal that was written before; end a line that was cut off."""
        tail = read_tail(path, 0)
        self._standing, self._unsummed = tail.standing, len(tail.lines)
        for line in tail.lines:
            self._standing.take(line)
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                self._disk.append(["\n"])


def moment(time_s: float) -> float:
    """Return the nearest moment that can be read back from a journal exactly, as it was."""
    return round(time_s * MOMENTS_PER_S) / MOMENTS_PER_S


def _plain(value: Any) -> Any:
    """Return what JSON can spell of a value that it cannot."""
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{value!r} cannot stand in a journal")


def lock(file: int) -> None:
    """Mark an open journal as being written, until it is closed or the process ends.

    Where the system has no such locks (Windows), nothing is marked.

    Raises:
        OSError: another process is writing it.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_being_written(path: Path) -> bool:
    """Whether a living process has this journal open for writing.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            lock(file.fileno())
        except OSError:
            return True
    return False


def read_header(path: Path) -> dict[str, Any]:
    """Return a journal's header; empty if there is none that can be read.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        try:
            header = json.loads(file.readline())
        except (ValueError, RecursionError):
            return {}
    return header if isinstance(header, dict) else {}


def read_lines(path: Path) -> Iterator[Line]:
    """Yield a journal's events in the order in which they were written.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for text in file:
            line = read_line(text)
            if line is not None:
                yield line
