"""A file that is only appended to, on a disk that may be slow, or full for a while."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

SYNC_INTERVAL_S: Final = 0.5
"""The disk is asked to keep what was written this often; a power cut costs about twice as much at
most, as it has to do it as well."""
MOST_KEPT_BYTES: Final = 1 << 26
"""Of what the disk does not take; what comes beyond is lost."""

MOST_AT_ONCE: Final = 4096
"""Lines."""


class PatientFile:
    """Appends whole lines. What the disk does not take is kept, and written when there is room.

    One thread may append; another one, of its own, asks the disk to keep what was written, so that
    a slow disk delays no line.
    """

    def __init__(self, file: int, path: Path) -> None:
        """``file`` is the open file descriptor, which is closed by ``close``."""
        self._file = file
        self._path = path
        self._kept: list[bytes] = []
        """Lines that are not written; the first one perhaps in part."""
        self._kept_bytes = 0
        self._dropped = 0
        self._is_refused = False
        self._is_new = True
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._sync, name="sync", daemon=True)
        self._thread.start()

    @property
    def missing_lines(self) -> int:
        """Lines that the disk refused: those that wait, and those that were too many to wait."""
        return (len(self._kept) if self._is_refused else 0) + self._dropped

    @property
    def has_kept(self) -> bool:
        """Whether lines wait for room."""
        return bool(self._kept)

    def append(self, lines: list[str]) -> None:
        """Write lines, each with its line feed, after those that wait; without any, try these."""
        for line in lines:
            data = line.encode()
            if self._kept_bytes + len(data) > MOST_KEPT_BYTES:
                self._dropped += 1
                continue
            self._kept.append(data)
            self._kept_bytes += len(data)
        try:
            while self._kept:
                self._forget(os.write(self._file, b"".join(self._kept[:MOST_AT_ONCE])))
                self._changed.set()
            self._is_refused = False
        except OSError:
            self._is_refused = True

    def close(self) -> None:
        """Let the disk keep what was written, and close the file."""
        self._closing.set()
        self._changed.set()
        self._thread.join()
        os.close(self._file)

    def _forget(self, written: int) -> None:
        self._kept_bytes -= written
        count = 0
        while count < len(self._kept) and written >= len(self._kept[count]):
            written -= len(self._kept[count])
            count += 1
        del self._kept[:count]
        if written:
            self._kept[0] = self._kept[0][written:]

    def _sync(self) -> None:
        while not self._closing.is_set():
            self._changed.wait()
            self._changed.clear()
            with suppress(OSError):
                os.fsync(self._file)
                if self._is_new:
                    self._keep_name()
            self._closing.wait(SYNC_INTERVAL_S)
        with suppress(OSError):
            os.fsync(self._file)

    def _keep_name(self) -> None:
        """Let the disk keep that there is such a file, where the system can."""
        self._is_new = False
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
