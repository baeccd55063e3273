"""A user's own music: the performer's sessions, of which one track is taken, and other files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from rich.console import Console

from live.errors import UserError
from training.columns import Columns
from training.library import Corpus
from training.prepare import cache_folder, music_files, prepare
from training.reading import MIDI_SUFFIXES
from training.reading.isolated import Limits, Reader
from training.report import Left, Report, report_path, show

Track = Literal["player", "model", "all"]

TRACKS: Final = ("player", "model")
"""What the performer calls the tracks of a session, case aside."""
SHARE: Final = 0.2
"""Share of the works, or of the only one, that is held out."""
LEAST_NOTES: Final = 40
"""Fewer tell nothing about a player."""


def read_recordings(
    data: Sequence[Path], track: Track, cache: Path | None, console: Console
) -> Corpus:
    """Read folders of sessions and of other music.

    Args:
        data: the folders.
        track: what of a session is taken. Files that are no session are taken whole.
        cache: folder that keeps what was read; None: the user's.
        console: shows progress, and what is skipped.

    Raises:
        UserError: there is no music.
    """
    sessions: dict[Path, Columns] = {}
    others: list[Path] = []
    silent: list[Left] = []
    with Reader(Limits()) as reader:
        for path in music_files(data):
            found = _tracks(reader, path) if track != "all" else {}
            if track in found:
                sessions[path] = found[track]
            elif found:
                silent.append(Left(str(path), f"its {track} played nothing"))
            else:
                others.append(path)
    names = [path.stem for path in sessions]
    sources = [str(path) for path in sessions]
    notes = list(sessions.values())
    report, kept = Report(), cache or cache_folder()
    if others:
        unneeded = bool(sessions or silent)
        corpus, report = prepare(others, kept, may_be_empty=unneeded, console=console)
        names += corpus.names
        sources += corpus.sources
        notes += [corpus.notes(number) for number in range(len(corpus))]
    corpus = Corpus.of(names, sources, notes)
    report.files += len(sessions) + len(silent)
    report.read += len(sessions)
    report.skip(silent)
    report.count(corpus)
    report.keep(report_path(kept, data))
    show(report, console)
    if not notes:
        raise UserError(f"no session in {', '.join(map(str, data))} has notes of the {track}")
    return corpus


def _tracks(reader: Reader, path: Path) -> dict[str, Columns]:
    """Return the notes of each track of a session; nothing if the file is none.

    If nothing else can be read of it either, ``prepare`` tells why.
    """
    if path.suffix.lower() not in MIDI_SUFFIXES:
        return {}
    found = reader.read(path, TRACKS)
    return dict(zip(found.names, found.pieces, strict=True))


def divide_recordings(corpus: Corpus) -> tuple[list[Columns], list[Columns]]:
    """Return pieces to learn from and pieces held out.

    Of a single work, of which there may be many takes, the last fifth of each is held out.

    Raises:
        UserError: there is too little music.
    """
    if len(corpus.columns) < LEAST_NOTES:
        raise UserError(
            f"{len(corpus.columns)} notes are too few to learn from; at least {LEAST_NOTES} are "
            "needed"
        )
    parts = corpus.split(validation=SHARE, test=0.0)
    if parts.train and parts.validation:
        training = [corpus.notes(number) for number in parts.train]
        return training, [corpus.notes(number) for number in parts.validation]
    pieces = [corpus.notes(number) for number in range(len(corpus))]
    ends = [round(len(notes) * (1.0 - SHARE)) for notes in pieces]
    begun = [notes[:end] for notes, end in zip(pieces, ends, strict=True)]
    held_out = [notes[end:] for notes, end in zip(pieces, ends, strict=True) if end < len(notes)]
    return [notes for notes in begun if len(notes)], held_out
