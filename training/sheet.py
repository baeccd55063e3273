"""Notes as a music21 score, for MIDI files and sheet music."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from music21 import chord, instrument, metadata, meter, midi, note, stream, tempo
from music21.musicxml.m21ToXml import GeneralObjectExporter

from live.events import DRUMS, TICKS_PER_BEAT, Note
from training.reading.tidy import tidy

PIANO: Final = 0
UNTOLD_VELOCITY: Final = 64
"""Of notes whose velocity nobody knows."""
EIGHTH: Final = TICKS_PER_BEAT // 2
SIXTEENTH: Final = TICKS_PER_BEAT // 4
TRIPLET: Final = TICKS_PER_BEAT // 3
Key = tuple[int, int, int]
"""Onset and duration in ticks, velocity."""


def score_of(notes: Iterable[Note], bpm: float, bar_ticks: int) -> Any:
    """Return notes as a music21 Score: one part for each instrument, one object for each chord.

    Notes of a part that begin and end together with the same velocity are a Chord, others stand
    alone, each at its own offset with its own duration.

    Args:
        notes: with durations; unknown instruments are pianos.
        bpm: tempo in beats (quarter notes) per minute.
        bar_ticks: length of a bar.
    """
    parts: dict[int, dict[Key, list[int]]] = defaultdict(lambda: defaultdict(list))
    for n in tidy(notes):
        velocity = UNTOLD_VELOCITY if n.velocity is None else n.velocity
        program = PIANO if n.instrument is None else n.instrument
        key = (n.onset_ticks, n.duration_ticks or 1, velocity)
        parts[program][key].append(n.pitch)
    score = stream.Score(id="score")
    for number, (program, groups) in enumerate(sorted(parts.items())):
        part = stream.Part(id=f"part{number + 1}")
        part.insert(0, _instrument(program))
        if not number:
            part.insert(0, tempo.MetronomeMark(number=bpm))
        part.insert(0, meter.TimeSignature(_time_signature(bar_ticks)))
        for (onset, duration, velocity), pitches in groups.items():
            one = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(pitches)
            one.quarterLength = Fraction(duration, TICKS_PER_BEAT)
            one.volume.velocity = velocity
            part.insert(Fraction(onset, TICKS_PER_BEAT), one)
        score.insert(0, part)
    return score


def midi_bytes(score: Any) -> bytes:
    """Return a score as a MIDI file."""
    return bytes(midi.translate.music21ObjectToMidiFile(score).writestr())


def sheet_bytes(notes: Sequence[Note], bpm: float, bar_ticks: int, title: str) -> bytes:
    """Return notes as MusicXML, with rhythm rounded to sixteenths and triplets.

    Arguments as for ``score_of``; what hangs on the day or on chance is left out, so that the same
    notes give the same file.
    """
    return xml_bytes(score_of([as_written(n) for n in notes], bpm, bar_ticks), title)


def xml_bytes(score: Any, title: str) -> bytes:
    """Return a score as MusicXML; the same score gives the same file."""
    score.metadata = metadata.Metadata(title=title, composer="Continuo")
    xml = GeneralObjectExporter(score).parse()
    xml = re.sub(rb"\s*<encoding-date>.*?</encoding-date>", b"", xml)
    names: dict[bytes, bytes] = {}  # music21 draws its names of parts by chance

    def numbered(match: re.Match[bytes]) -> bytes:
        name = b"%s%d" % (match[1], len(names) + 1)
        return b'"%s"' % names.setdefault(match[0], name)

    return re.sub(rb'"([PI])[0-9a-f]{32}"', numbered, xml)


def as_written(n: Note) -> Note:
    """Return a note with its rhythm rounded to sixteenths and triplets."""
    onset = _nearest(n.onset_ticks)
    end = _nearest(n.onset_ticks + (n.duration_ticks or 1))
    return replace(n, onset_ticks=onset, duration_ticks=max(end - onset, SIXTEENTH))


def _nearest(ticks: int) -> int:
    """Return the nearest sixteenth or triplet."""
    places = (round(ticks / unit) * unit for unit in (SIXTEENTH, TRIPLET))
    return min(places, key=lambda place: abs(place - ticks))


def _instrument(program: int) -> Any:
    if program == DRUMS:
        return instrument.UnpitchedPercussion()
    return instrument.instrumentFromMidiProgram(program)


def _time_signature(bar_ticks: int) -> str:
    if bar_ticks % TICKS_PER_BEAT == 0:
        return f"{bar_ticks // TICKS_PER_BEAT}/4"
    return f"{bar_ticks // EIGHTH}/8" if bar_ticks % EIGHTH == 0 else "4/4"
