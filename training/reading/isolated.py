"""Reads files in a process apart, so that a bad one costs nothing but itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

import numpy as np

from training.columns import NOTE, Columns


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    seconds: float = 120.0
    megabytes: int = 1_500
    """Of the process that reads; two of them and this one stay below 4 GB."""


@dataclass(frozen=True)
class FileRead:
    """What came of reading one file: its pieces, or why there are none."""

    names: tuple[str, ...] = ()
    pieces: tuple[Columns, ...] = ()
    reason: str | None = None
    """One line; None if it was read."""
    is_final: bool = True
    """Whether reading the same content again would end the same way."""


class Reader:
    """One process that reads; started at need, and again after a file that ended it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def read(self, path: Path, tracks: Sequence[str] = ()) -> FileRead:
        """Return what a file holds. Never raises for what is in the file.

        Args:
            path: the file.
            tracks: read only tracks of these names, case aside, each as a piece of that name; those
                that are not there, or empty, are left out. None given: all, as one piece.
        """
        request = {"path": str(path.absolute()), "tracks": list(tracks)}
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = False

        def stop() -> None:
            nonlocal late
            late = True
            process.kill()

        timer = Timer(self._limits.seconds, stop)
        timer.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
            header = json.loads(line) if line.endswith(b"\n") else None
            counts = header.get("counts", []) if header else []
            size = sum(counts) * NOTE.itemsize
            notes = process.stdout.read(size)
        except OSError:  # the process is gone
            header, counts, size, notes = None, [], 0, b""
        finally:
            timer.cancel()
        if header is None or len(notes) < size:
            self.close()
            if late:
                return FileRead(reason=f"it was not read within {self._limits.seconds:g} s")
            return FileRead(reason="reading it ended the process that read it")
        if "exhausted" in header:
            self.close()
            if header["exhausted"] == "depth":
                return FileRead(reason="it is nested too deep to be music")
            return FileRead(reason=f"reading it takes more than {self._limits.megabytes} MB")
        if "trouble" in header:
            return FileRead(reason=f"cannot be opened: {header['trouble']}", is_final=False)
        if "reason" in header:
            return FileRead(reason=header["reason"])
        columns = np.frombuffer(notes, dtype=NOTE)
        pieces = tuple(np.split(columns, np.cumsum(counts)[:-1]))
        return FileRead(names=tuple(header["names"]), pieces=pieces)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            # Wherever the user's folder is now, it is this code that reads.
            own = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
            # One thread each: the files are shared out already, and the threads of a numerical
            # library reserve memory that counts against the limit.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "training.reading.worker", str(self._limits.megabytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_NUM_THREADS": "1",
                    "PYTHONPATH": os.pathsep.join(filter(None, own)),
                },
                start_new_session=True,
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()  # it is ready: starting it is not the file's time
        return self._process
