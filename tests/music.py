"""Small pieces of music that tests write, and libraries of them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from mido import Message, MetaMessage, MidiFile, MidiTrack, tick2second

from training.library import Corpus


def write(path: Path, *tracks: list[tuple[int, Message | MetaMessage]], beat: int = 480) -> Path:
    """Write tracks of (absolute time in ticks, message)."""
    file = MidiFile(ticks_per_beat=beat)
    for timed in tracks:
        track, now = MidiTrack(), 0
        for time, message in timed:
            track.append(message.copy(time=time - now))
            now = time
        file.tracks.append(track)
    file.save(path)
    return path


def moments(file: MidiFile, track: int) -> list[tuple[float, Message | MetaMessage]]:
    """Return a track's messages with their moments in seconds, by the tempi of the first track."""
    tempi, ticks = [], 0
    for message in file.tracks[0]:
        ticks += message.time
        if message.type == "set_tempo":
            tempi.append((ticks, message.tempo))
    found, ticks = [], 0
    for message in file.tracks[track]:
        ticks += message.time
        ends = [begin for begin, _ in tempi[1:]] + [ticks]
        passed = sum(
            tick2second(max(0, min(end, ticks) - begin), file.ticks_per_beat, tempo)
            for (begin, tempo), end in zip(tempi, ends, strict=True)
        )
        found.append((passed, message))
    return found


def note(begin: int, end: int, pitch: int = 60, channel: int = 0, velocity: int = 64):
    return [
        (begin, Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (end, Message("note_off", note=pitch, channel=channel)),
    ]


def xml_note(step: str, octave: int, quarters: float, *inside: str) -> str:
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{pitch}<duration>{int(quarters * 24)}</duration>{''.join(inside)}</note>"


def musicxml(*measures: str, beats: int = 4, name: str = "Piano", first: str = "") -> str:
    head = (
        f"<attributes><divisions>24</divisions><time><beats>{beats}</beats>"
        f"<beat-type>4</beat-type></time>{first}</attributes>"
    )
    inside = "".join(
        f'<measure number="{i}">{head if i == 1 else ""}{measure}</measure>'
        for i, measure in enumerate(measures, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
        ' "http://www.musicxml.org/dtds/partwise.dtd"><score-partwise version="4.0"><part-list>'
        f'<score-part id="P1"><part-name>{name}</part-name></score-part></part-list>'
        f'<part id="P1">{inside}</part></score-partwise>'
    )


def tune(seed: int, length: int = 120) -> list[int]:
    chance = random.Random(seed)
    return [60 + chance.choice([-9, -7, -5, -4, -2, 0, 2, 3, 5, 7, 8, 10]) for _ in range(length)]


def play(path: Path, pitches: list[int], beat: int = 240) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(
        path, [m for i, p in enumerate(pitches) for m in note(i * beat, (i + 1) * beat, p)]
    )


def library(folder: Path) -> Path:
    """Write twelve tunes in three folders, and a file that is no music."""
    for number in range(12):
        play(folder / f"part{number % 3}" / f"{number:02}.mid", tune(number))
    (folder / "bad.mid").write_bytes(b"MThd nothing")
    return folder


def same(one: Corpus, other: Corpus) -> bool:
    arrays = ("columns", "offsets", "works")
    return (one.names, one.sources) == (other.names, other.sources) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )
