"""The cache of what was read: one SQLite file, keyed by content and reader's version.

One file and not thousands, so that it opens at once; a database, so that an interrupted run
leaves whole entries and nothing else.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
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
CREATE TABLE IF NOT EXISTS files (
    key BLOB PRIMARY KEY, version INTEGER NOT NULL, reason TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (
    key BLOB NOT NULL, number INTEGER NOT NULL, suffix TEXT NOT NULL, notes BLOB NOT NULL,
    PRIMARY KEY (key, number)) WITHOUT ROWID;
"""


class Store:
    """What is known of files by their content.

    Raises:
        UserError: on any access, if the cache cannot be written or is no such cache.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "pieces.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to the cache {folder}: {error.strerror}") from error
        with self._telling():
            self._database = sqlite3.connect(self.path, timeout=60)
            # Each file's entry is whole or missing after a crash, and no write waits for the disk.
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_TABLES)
            with self._database:
                old = "SELECT key FROM files WHERE version != ?"
                self._database.execute(
                    f"DELETE FROM pieces WHERE key IN ({old})", (READER_VERSION,)
                )
                self._database.execute("DELETE FROM files WHERE version != ?", (READER_VERSION,))

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
        with self._telling():
            return dict(self._database.execute("SELECT key, reason FROM files"))

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
        with self._telling(), self._database:
            self._database.execute("DELETE FROM pieces WHERE key = ?", (key,))
            self._database.executemany("INSERT INTO pieces VALUES (?, ?, ?, ?)", rows)
            self._database.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (key, READER_VERSION, read.reason)
            )

    def forget_refused(self) -> None:
        """Forget the files that were refused, so that they are read again."""
        with self._telling(), self._database:
            self._database.execute("DELETE FROM files WHERE reason IS NOT NULL")

    def pieces(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, str, Any]]:
        """Give the pieces of files: key, what follows the file's stem in its name, columns."""
        query = "SELECT suffix, notes FROM pieces WHERE key = ? ORDER BY number"
        for key in keys:
            with self._telling():
                rows = self._database.execute(query, (key,)).fetchall()
            for suffix, packed in rows:
                yield key, suffix, np.frombuffer(zlib.decompress(packed), dtype=NOTE)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UserError(
                f"the cache {self.path} fails ({error}); free disk space or name another place"
                " with --cache. What was read until now is kept."
            ) from error
