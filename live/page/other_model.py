"""A take as another model would have answered it: the replay, in a process of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import mido

from live.page.takes import MOST_NOTES, journal_of, roll_of

REPLAY_TIMEOUT_S: Final = 300.0
DEFAULT_TEMPO: Final = 500_000
"""Of a file that names none, microseconds a beat."""


class NoReplayError(Exception):
    """It could not be played again; the text is one line for the user."""


async def replayed_with(folder: Path, name: str, model: Path) -> dict[str, Any]:
    """Return a take for the roll, with the answers of another model.

    Raises:
        NoSuchTakeError: there is none of that name.
        NoReplayError: the model cannot be loaded, or it takes too long.
        OSError: the take cannot be read.
    """
    journal = journal_of(folder, name)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "replay.mid"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "live",
            "replay",
            str(journal.resolve()),
            "--with",
            str(model.resolve()),
            "--out",
            str(target),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(REPLAY_TIMEOUT_S):
                _, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NoReplayError("the replay took too long") from None
        if process.returncode != 0 or not target.is_file():
            said = errors.decode(errors="replace").strip().splitlines()
            raise NoReplayError(said[-1] if said else "the replay did not succeed")
        roll = await asyncio.to_thread(roll_of, folder, name)
        notes = await asyncio.to_thread(_rows, target)
        return {**roll, "name": f"{name} with {model.stem}", "notes": notes[:MOST_NOTES]}


def _rows(file: Path) -> list[list[Any]]:
    """Return (1 if the model's, pitch, onset, release, velocity) of a session's MIDI file."""
    midi = mido.MidiFile(file)
    seconds = _seconds_of(midi)
    rows: list[list[Any]] = []
    for track in midi.tracks:
        by_model = int(track.name == "Model")
        down: dict[tuple[int, int], list[Any]] = {}
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            at_s = seconds(ticks)
            struck = down.pop((message.channel, message.note), None)
            if struck is not None:
                struck[3] = at_s
            if message.type == "note_on" and message.velocity > 0:
                row = [by_model, message.note, at_s, at_s, message.velocity]
                down[message.channel, message.note] = row
                rows.append(row)
    return sorted(rows, key=lambda row: row[2])


def _seconds_of(midi: mido.MidiFile) -> Callable[[int], float]:
    """Return what turns a file's ticks into seconds."""
    changes: list[tuple[int, int]] = [(0, DEFAULT_TEMPO)]
    for track in midi.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type == "set_tempo":
                changes.append((ticks, message.tempo))
    changes.sort(key=lambda change: change[0])
    starts_s = [0.0]
    for (begin, tempo), (end, _) in pairwise(changes):
        starts_s.append(starts_s[-1] + mido.tick2second(end - begin, midi.ticks_per_beat, tempo))

    def seconds(ticks: int) -> float:
        at = bisect_right(changes, ticks, key=lambda change: change[0]) - 1
        begin, tempo = changes[at]
        return starts_s[at] + float(mido.tick2second(ticks - begin, midi.ticks_per_beat, tempo))

    return seconds
