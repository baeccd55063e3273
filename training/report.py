"""What became of every file of a library: counts, reasons, a file that has them all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from live.errors import UserError
from training.files import replace_file
from training.library import Corpus

SHOWN: Final = 20
"""Skipped files that are told on the terminal; the report's file has all."""


@dataclass(frozen=True)
class Left:
    """A file that is not in the corpus, and why."""

    path: str
    reason: str


@dataclass
class Report:
    """What became of every file."""

    files: int = 0
    read: int = 0
    """Files read in this run."""
    kept: int = 0
    """Files whose notes the cache had."""
    skipped: list[Left] = field(default_factory=list)
    duplicated: list[Left] = field(default_factory=list)
    """Files with the content, and pieces with the notes, of another that is in the corpus."""
    pieces: int = 0
    notes: int = 0
    works: int = 0
    """Pieces that are the same work count once."""
    seconds: float = 0.0
    whereabouts: str = ""
    """Of the report's own file, as one line."""

    def skip(self, left: Iterable[Left]) -> None:
        """Add files that were skipped; they stand in the order of their paths."""
        self.skipped = sorted([*self.skipped, *left], key=lambda one: one.path)

    def count(self, corpus: Corpus) -> None:
        """Count what there is."""
        self.pieces, self.notes = len(corpus), len(corpus.columns)
        self.works = len(set(corpus.works.tolist()))

    def summary(self) -> str:
        """Return the counts as one line."""
        return (
            f"{self.files:,} files: {self.read:,} read, {self.kept:,} from the cache,"
            f" {len(self.skipped):,} skipped, {len(self.duplicated):,} duplicated;"
            f" {self.pieces:,} pieces of {self.works:,} works, {self.notes:,} notes,"
            f" in {self.seconds:,.1f} s"
        )

    def write(self, path: Path) -> None:
        """Write all of it as JSON.

        Raises:
            UserError: the file cannot be written.
        """
        told = {name: value for name, value in asdict(self).items() if name != "whereabouts"}
        text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
        # A name that is no text, as names of files may be, becomes an escape that JSON knows.
        replace_file(path, text.encode(errors="backslashreplace"))

    def keep(self, path: Path) -> None:
        """Write it beside the cache; no run ends for want of it, so failing is only told."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.write(path)
            self.whereabouts = f"report: {path}"
        except OSError as error:
            self.whereabouts = f"no report: cannot make {path.parent}: {error.strerror}"
        except UserError as error:
            self.whereabouts = f"no report: {error}"


def report_path(cache: Path, sources: Iterable[Path]) -> Path:
    """Return where the report on folders and files is kept: the same ones, the same place."""
    paths = sorted(path.resolve() for path in sources)
    digest = hashlib.blake2b(b"\0".join(map(os.fsencode, paths)), digest_size=4).hexdigest()
    folder = paths[0] if paths[0].is_dir() else paths[0].parent
    return cache / "reports" / f"{folder.name[:40]}-{digest}.json"


def show(report: Report, console: Console, most: int = SHOWN) -> None:
    """Print the counts, why files were skipped, at most so many of them, and where all stands."""
    for left in report.skipped[:most]:
        tell(console, f"skipped {left.path}: {left.reason}")
    if len(report.skipped) > most:
        tell(console, f"and {len(report.skipped) - most:,} more that were skipped")
    tell(console, report.summary())
    if report.whereabouts:
        tell(console, report.whereabouts)


def printable(line: str) -> str:
    """Return a line that is one and does nothing to the terminal, whatever names of files hold."""
    return "".join(c if c.isprintable() else "?" for c in line)


def tell(console: Console, line: str) -> None:
    """Print one line."""
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
