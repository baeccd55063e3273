"""The cache of what was read: one SQLite file, keyed by content and reader's version.

One file and not thousands, so that it opens at once; a database, so that an interrupted run
leaves whole entries and nothing else.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from live.errors import UserError
from training.columns import NOTE
from training.reading import READER_VERSION
from training.reading.isolated import FileRead

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS {0}.files (
    key BLOB PRIMARY KEY, version INTEGER NOT NULL, reason TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS {0}.pieces (
    key BLOB NOT NULL, number INTEGER NOT NULL, suffix TEXT NOT NULL, notes BLOB NOT NULL,
    PRIMARY KEY (key, number)) WITHOUT ROWID;
"""
_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
"""What SQLite says of a disk that takes no more; finer reasons stand in the upper bits."""


class Store:
    """What is known of files by their content.

    Once the disk takes no more, what is read is kept in memory, for as long as this lives: a run
    that has read for an hour does not end for want of room.

    Raises:
        UserError: on any access, if the cache cannot be opened or read, or is no such cache.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        """``tell`` is given one line, once, when the disk takes no more."""
        self.path = folder / "pieces.sqlite"
        self._tell = tell
        self._takes_more = True
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to the cache {folder}: {error.strerror}") from error
        with self._telling():
            try:
                self._open(str(self.path))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _FULL:
                    raise
                self._go_on_in_memory(error)
                self._open(":memory:")

    def _open(self, name: str) -> None:
        self._database = sqlite3.connect(name, timeout=60)
        # Each file's entry is whole or missing after a crash, and no write waits for the disk.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("ATTACH ':memory:' AS spare")
        for place in ("main", "spare"):
            self._database.executescript(_TABLES.format(place))
        with self._database:
            old = "SELECT key FROM main.files WHERE version != ?"
            self._database.execute(
                f"DELETE FROM main.pieces WHERE key IN ({old})", (READER_VERSION,)
            )
            self._database.execute("DELETE FROM main.files WHERE version != ?", (READER_VERSION,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    def known(self) -> dict[bytes, str | None]:
        """Return the key of every file that was read or refused, with the reason if refused."""
        query = "SELECT key, reason FROM {0}.files"
        with self._telling():
            return dict(self._database.execute(_of_both(query)))

    def keep(self, key: bytes, stem: str, read: FileRead) -> None:
        """Keep what came of a file.

        Args:
            key: of its content.
            stem: its name without folder and suffix; the pieces of one file differ in the rest.
            read: what came of it.
        """
        rows = [
            (key, number, name.removeprefix(stem), zlib.compress(notes.tobytes(), 1))
            for number, (name, notes) in enumerate(zip(read.names, read.pieces, strict=True))
        ]
        file = (key, READER_VERSION, read.reason)
        with self._telling():
            if self._takes_more:
                try:
                    self._insert("main", file, rows)
                    return
                except sqlite3.Error as error:
                    self._go_on_in_memory(error)
            self._insert("spare", file, rows)

    def _insert(self, place: str, file: tuple[Any, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        with self._database as database:
            database.execute(f"DELETE FROM {place}.pieces WHERE key = ?", file[:1])
            database.executemany(f"INSERT INTO {place}.pieces VALUES (?, ?, ?, ?)", rows)
            database.execute(f"INSERT OR REPLACE INTO {place}.files VALUES (?, ?, ?)", file)

    def _go_on_in_memory(self, error: sqlite3.Error) -> None:
        self._takes_more = False
        self._tell(
            f"the cache {self.path} takes no more ({error}): what is read from now on is kept in "
            "memory for this run alone; free disk space or name another folder with --cache"
        )

    def pieces(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, str, Any]]:
        """Give the pieces of files: key, what follows the file's stem in its name, columns."""
        query = _of_both("SELECT suffix, notes, number FROM {0}.pieces WHERE key = :key")
        for key in keys:
            with self._telling():
                rows = self._database.execute(f"{query} ORDER BY number", {"key": key}).fetchall()
            for suffix, packed, _ in rows:
                yield key, suffix, np.frombuffer(zlib.decompress(packed), dtype=NOTE)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UserError(
                f"the cache {self.path} fails ({error}); name another folder with --cache, or "
                "delete it: what it holds is read again"
            ) from error


def _of_both(query: str) -> str:
    """Return a query of what is on the disk and what is in memory."""
    return " UNION ALL ".join(query.format(place) for place in ("main", "spare"))
