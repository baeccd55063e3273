"""From the journal of a session to its Standard MIDI File."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import mido

from live.beat_mark import MOST_BEATS, BeatMark
from live.journal import is_being_written, read_header, read_lines
from live.journal_line import Line
from live.midi_io.ledger import PLAYER, NoteLedger
from live.tempo_map import TICKS_PER_BEAT, TempoMap

LONGEST_DELTA: Final = 0x0FFFFFFF
"""The most ticks from one event to the next that the format can spell: 38 hours at 120 BPM."""

DEFAULT_BPM: Final = 120.0
"""Of a session whose journal has none, or nonsense."""

NOTE_OFF, NOTE_ON = 0x80, 0x90


@dataclass
class _Track:
    """One part of the session: balanced channel messages with their times in seconds."""

    name: str
    ledger: NoteLedger = field(default_factory=NoteLedger)
    messages: list[tuple[float, bytes]] = field(default_factory=list)
    last_s: float = 0.0

    def add(self, time_s: float, data: bytes) -> None:
        """Take a channel message as it was played; strikes and releases are balanced."""
        self.last_s = max(self.last_s, time_s)
        kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
        if kind == NOTE_ON and data[2] > 0:
            balanced = self.ledger.strike(PLAYER, key, data[2])
        elif kind in (NOTE_ON, NOTE_OFF):
            balanced = self.ledger.release(PLAYER, key)
        else:
            balanced = [data]
        self.messages += [(self.last_s, message) for message in balanced]

    def end(self, time_s: float) -> None:
        """End what still sounds: the session was cut off, or a key was held to the end."""
        time_s = max(time_s, self.last_s)
        self.messages += [(time_s, message) for message in self.ledger.release_everything()]


def cut_off(folder: Path) -> list[Path]:
    """Return the journals of sessions that were cut off: nobody writes them, and no MIDI file."""
    found: list[Path] = []
    for journal in sorted(folder.glob("*.jsonl")):
        with suppress(OSError):
            made = journal.with_suffix(".mid").exists()
            if not made and not is_being_written(journal) and read_header(journal):
                found.append(journal)
    return found


def recover(journal: Path) -> Path | None:
    """Make the MIDI file of a session that was cut off; return its path.

    None: it cannot be made now (a full disk, a broken file), and is left for the next time.
    """
    target = journal.with_suffix(".mid")
    with suppress(OSError, ValueError, ArithmeticError):
        write_midi_file(journal, target)
        return target
    return None


def write_midi_file(journal: Path, target: Path) -> None:
    """Make the MIDI file of a journal.

    Raises:
        OSError: the journal cannot be read or the file not be written.
    """
    write_lines(read_header(journal), read_lines(journal), target)


def write_lines(header: dict[str, Any], lines: Iterable[Line], target: Path) -> None:
    """Make a MIDI file, type 1: tempo, bars and marks, the player's track, the model's.

    The file appears whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    tracks = {"in": _Track("Player"), "out": _Track("Model")}
    marks: list[tuple[float, str]] = []
    beats: list[BeatMark] = []
    sounded: list[float] = []
    last_s = 0.0
    for line in lines:
        last_s = max(last_s, line.time_s)
        if line.kind == "mark" and line.rest and isinstance(line.rest[0], str):
            marks.append((last_s, line.rest[0]))
        beat = BeatMark.read(line)
        if beat is not None:
            beats.append(beat)
        data = line.message
        # A key whose end was lost sounded until something else ended it: the improviser was told.
        lost = line.kind == "hush" and data is not None and data[0] & 0xF0 == NOTE_OFF
        track = tracks["in"] if lost else tracks.get(line.kind)
        if track is not None and data is not None:
            track.add(line.time_s, data)
            if data[0] & 0xF0 in (NOTE_OFF, NOTE_ON):
                sounded.append(line.time_s)
    for track in tracks.values():
        track.end(last_s)
    file = _midi_file(_tempo_map(header, beats, sounded), tracks.values(), marks)
    partial = target.with_name(target.name + ".partial")
    try:
        file.save(partial)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())  # else a power cut may leave an empty file of this name
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def tempo_and_bars(header: dict[str, Any]) -> tuple[float, int | None]:
    """Return the BPM that a session began with, and its beats per bar; None: they are not known."""
    bpm, bars = header.get("bpm"), header.get("beats_per_bar")
    return (
        bpm if isinstance(bpm, int | float) and 10 <= bpm <= 1000 else DEFAULT_BPM,
        bars if isinstance(bars, int) and 1 <= bars <= MOST_BEATS else None,
    )


def _tempo_map(header: dict[str, Any], beats: list[BeatMark], sounded: list[float]) -> TempoMap:
    """Return the session's tempo map; ``sounded`` are the moments at which notes began or ended."""
    times = TempoMap(*tempo_and_bars(header))
    sounded.sort()
    for beat in sorted(beats, key=lambda beat: beat.time_s):
        # The note that begins a bar stands at the mark itself, and in the journal before it.
        before = bisect_left(sounded, beat.time_s)
        times.add(beat, sounded[before - 1] if before else 0.0)
    return times


def _midi_file(
    times: TempoMap, tracks: Iterable[_Track], marks: Iterable[tuple[float, str]]
) -> mido.MidiFile:
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    first: list[tuple[int, Any]] = list(times.messages())
    for at_s, text in marks:
        plain = text.encode("latin-1", "replace").decode("latin-1")
        first.append((times.tick_of(at_s), mido.MetaMessage("marker", text=plain)))
    file.tracks.append(_timed(sorted(first, key=lambda each: each[0])))
    for track in tracks:
        events: list[tuple[int, Any]] = [(0, mido.MetaMessage("track_name", name=track.name))]
        events += [
            (times.tick_of(at), mido.Message.from_bytes(data)) for at, data in track.messages
        ]
        file.tracks.append(_timed(events))
    return file


def _timed(events: Iterable[tuple[int, Any]]) -> mido.MidiTrack:
    """Return a track of messages with their ticks, in order."""
    track = mido.MidiTrack()
    at_tick = 0
    for tick_of_message, message in events:
        tick = max(at_tick, tick_of_message)
        while tick - at_tick > LONGEST_DELTA:
            track.append(mido.MetaMessage("text", time=LONGEST_DELTA))
            at_tick += LONGEST_DELTA
        track.append(message.copy(time=tick - at_tick))
        at_tick = tick
    return track
