"""Recorded takes: what there is, what was played in one, and how one is thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from live.journal import is_being_written, read_header, read_lines
from live.midi_io.ledger import Key

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MOST_NOTES: Final = 20_000
"""Of a take that are shown."""


class NoSuchTakeError(Exception):
    """There is no take of that name."""


@dataclass(frozen=True, slots=True)
class Take:
    """One recorded session."""

    name: str
    started: str
    """As the journal's header says; "" where it does not."""
    length_s: float
    player_notes: int
    model_notes: int
    model: str
    is_recording: bool


def takes(folder: Path) -> list[Take]:
    """Return the takes in a folder, the latest first; what cannot be read is passed over."""
    found: list[Take] = []
    with suppress(OSError):
        for path in sorted(folder.glob("*.jsonl"), reverse=True):
            with suppress(OSError):
                if _NAME.fullmatch(path.stem):
                    found.append(_take(path, path.stat().st_mtime_ns, is_being_written(path)))
    return found


def journal_of(folder: Path, name: str) -> Path:
    """Return the journal of a take.

    Raises:
        NoSuchTakeError: the name is none of a take in this very folder.
    """
    path = folder / f"{name}.jsonl"
    if not _NAME.fullmatch(name) or path.resolve().parent != folder.resolve() or not path.is_file():
        raise NoSuchTakeError(name)
    return path


def delete_take(folder: Path, name: str) -> None:
    """Remove a take's files.

    Raises:
        NoSuchTakeError: there is none, or it is being recorded.
        OSError: they cannot be removed.
    """
    journal = journal_of(folder, name)
    if is_being_written(journal):
        raise NoSuchTakeError(name)
    for suffix in (".mid", ".jsonl"):
        journal.with_suffix(suffix).unlink(missing_ok=True)


def roll_of(folder: Path, name: str) -> dict[str, Any]:
    """Return a take for the roll of a page.

    Raises:
        NoSuchTakeError: there is none.
        OSError: it cannot be read.
    """
    journal = journal_of(folder, name)
    header = read_header(journal)
    bpm, beats = header.get("bpm"), header.get("beats_per_bar")
    notes, length_s = _notes(journal)
    return {
        "name": name,
        "bpm": bpm if isinstance(bpm, int | float) and 10 <= bpm <= 1000 else 120.0,
        "beats_per_bar": beats if isinstance(beats, int) and 1 <= beats <= 32 else 4,
        "length": length_s,
        "notes": notes[:MOST_NOTES],
    }


@lru_cache(maxsize=500)
def _take(path: Path, _changed_ns: int, is_recording: bool) -> Take:
    header = read_header(path)
    notes, length_s = _notes(path)
    model_notes = sum(note[0] for note in notes)
    return Take(
        name=path.stem,
        started=str(header.get("started", ""))[:25],
        length_s=length_s,
        player_notes=len(notes) - model_notes,
        model_notes=model_notes,
        model=str(header.get("model", ""))[:100],
        is_recording=is_recording,
    )


def _notes(journal: Path) -> tuple[list[list[Any]], float]:
    """Return rows (1 if the model's, pitch, onset, release, velocity) by onset, and the length."""
    rows: list[list[Any]] = []
    down: dict[tuple[str, Key], list[Any]] = {}
    last_s = 0.0
    for line in read_lines(journal):
        last_s = max(last_s, line.time_s)
        for row in _row(line.kind, line.message, line.time_s, down):
            rows.append(row)
    for row in down.values():  # held to the end
        row[3] = last_s
    return sorted(rows, key=lambda row: row[2]), last_s


def _row(
    kind: str, message: bytes | None, time_s: float, down: dict[tuple[str, Key], list[Any]]
) -> Iterator[list[Any]]:
    if kind not in ("in", "out") or message is None or message[0] & 0xF0 not in (0x80, 0x90):
        return
    key = (kind, (message[0] & 0x0F, message[1]))
    struck = down.pop(key, None)
    if struck is not None:
        struck[3] = time_s
    if message[0] & 0xF0 == 0x90 and message[2] > 0:
        down[key] = [int(kind == "out"), message[1], time_s, time_s, message[2]]
        yield down[key]
