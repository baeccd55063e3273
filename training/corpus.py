"""The music that training reads: music21's own corpus, or a folder of the user's.

Reading a score takes music21 up to seconds, so each file is read once: the notes are kept in a
cache, under a name made of the file's content and the reader's version.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import Progress

from live.errors import UserError
from live.events import Note
from training.pieces import Piece
from training.reading import READER_VERSION, SUFFIXES, UnreadableError, read

# fmt: off
COMPOSERS: Final = frozenset({
    "bach", "beethoven", "chopin", "corelli", "cpebach", "handel", "haydn", "joplin", "monteverdi",
    "mozart", "schubert", "schumann_clara", "schumann_robert", "verdi", "weber",
})
# fmt: on
"""Folders of music21's corpus that training reads.

Left out for their licences: Palestrina, Essen, the lead sheets, and Josquin (GPL). Left out as
single tunes, exercises or fragments: the folk collections, demos, Trecento and a few one-offs."""


@dataclass(frozen=True)
class Library:
    """What was read."""

    pieces: tuple[Piece, ...]
    skipped: tuple[str, ...]
    """One line for each file that could not be read: its name and why."""


def corpus_paths() -> list[Path]:
    """Return the permitted core of music21's bundled corpus, in a fixed order.

    ``bach/*.krn`` and analyses (``*.rntxt``) are no part of it either.
    """
    import music21  # takes a second to load, which nobody with a folder of MIDI needs to wait for

    permitted = []
    for path in sorted(Path(p) for p in music21.corpus.getCorePaths()):
        readable = path.suffix in SUFFIXES and (composer(path), path.suffix) != ("bach", ".krn")
        if composer(path) in COMPOSERS and readable:
            permitted.append(path)
    return permitted


def composer(path: Path) -> str:
    """Return whose music a file of music21's corpus is, as its folder there says."""
    parts = path.parts
    return parts[len(parts) - parts[::-1].index("corpus")] if "corpus" in parts else "unknown"


def folder_paths(folder: Path) -> list[Path]:
    """Return the files of music in a folder and the folders in it, in a fixed order.

    Raises:
        UserError: there is no such folder, or no music in it.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; name one of music files with --data")
    try:
        found = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
    except OSError as error:
        raise UserError(f"cannot look into {folder}: {error.strerror}") from error
    if not found:
        endings = " ".join(sorted(SUFFIXES))
        raise UserError(f"no music in {folder}; its files would end in one of {endings}")
    return sorted(found)


def cache_folder() -> Path:
    """Return where notes that were read are kept; the environment may name another place."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "continuo" / "notes"


def read_all(paths: Sequence[Path], cache: Path, console: Console) -> Library:
    """Read files in parallel, each once for all times.

    Args:
        paths: the files.
        cache: folder where notes are kept; made if missing.
        console: shows progress, and one line for each file that is skipped.

    Raises:
        UserError: not one of the files could be read.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to the cache {cache}: {error.strerror}") from error
    pieces: list[Piece] = []
    skipped: list[str] = []
    jobs = [(path, cache) for path in paths]
    with Progress(console=console) as progress:
        bar = progress.add_task("reading", total=len(jobs))
        for path, result in zip(paths, _in_parallel(jobs), strict=True):
            if isinstance(result, Piece):
                pieces.append(result)
            else:
                skipped.append(f"{path}: {result}")
                console.print(
                    f"skipped {skipped[-1]}", style="yellow", soft_wrap=True, markup=False
                )
            progress.advance(bar)
    if not pieces:
        raise UserError(f"none of {len(paths)} files could be read; the lines above say why")
    return Library(tuple(pieces), tuple(skipped))


def _in_parallel(jobs: list[tuple[Path, Path]]) -> Iterator[Piece | str]:
    workers = min(os.cpu_count() or 1, len(jobs))
    # Fresh processes: the one that trains has threads by now, which a fork would tear apart.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_read_one, jobs, chunksize=4)


def _read_one(job: tuple[Path, Path]) -> Piece | str:
    """Return a file's piece, from the cache if it is there, or why it is skipped."""
    path, cache = job
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content + path.suffix.lower().encode()).hexdigest()
        kept = cache / f"{digest[:40]}.v{READER_VERSION}.npy"
        if kept.exists():
            return Piece(path.stem, str(path), _from_rows(np.load(kept)))
        piece = read(path)
        _keep(kept, piece)
    except (UnreadableError, OSError) as error:
        return " ".join(str(error).split())
    return piece


def _keep(kept: Path, piece: Piece) -> None:
    unfinished = kept.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as file:
        np.save(file, _to_rows(piece.notes))
    unfinished.replace(kept)


UNKNOWN_VALUE: Final = -1
"""Stands for None in the cache; every real value is at least 0."""


def _to_rows(notes: Sequence[Note]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Return the notes as an array, (notes, 6)."""
    return np.array(
        [
            [
                UNKNOWN_VALUE if value is None else value
                for value in (
                    n.onset_ticks,
                    n.pitch,
                    n.instrument,
                    n.duration_ticks,
                    n.velocity,
                    n.bar_ticks,
                )
            ]
            for n in notes
        ],
        dtype=np.int32,
    )


def _from_rows(rows: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> tuple[Note, ...]:
    notes = []
    for onset, pitch, *rest in rows.tolist():
        notes.append(Note(onset, pitch, *(None if v == UNKNOWN_VALUE else v for v in rest)))
    return tuple(notes)
