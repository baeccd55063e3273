"""Reads MIDI files with symusic.

MIDI counts time in parts of a beat already, so the tempo map needs no undoing: a piece played at
any tempo has the same ticks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import symusic

from live.events import DRUMS, TICKS_PER_BEAT, Note
from training.reading import guard
from training.reading.errors import UnreadableError
from training.reading.tidy import tidy

SUSTAIN_PEDAL: Final = 64
"""Number of the control change."""
PEDAL_DOWN: Final = 64
"""The least value of the sustain pedal that counts as down, as the MIDI standard has it."""


@dataclass(frozen=True)
class _Meter:
    """Bars from one time signature to the next; all in ticks of the alphabet."""

    begin: int
    bar: int
    pickup: int = 0
    """How far into its bar the music at ``begin`` already is."""


def read_midi(path: Path, track: str | None = None) -> tuple[Note, ...]:
    """Return the notes of a MIDI file.

    The sustain pedal extends notes until it is lifted or their key is struck again. The place in
    the bar is known where the file has a time signature.

    Args:
        path: the file.
        track: read only the tracks of this name, case aside; None reads all.

    Raises:
        UnreadableError: the file is no MIDI, or counts time in seconds instead of beats.
    """
    try:
        score = symusic.Score.from_midi(guard.file_bytes(path))
    except RuntimeError as error:
        raise UnreadableError(f"not a readable MIDI file ({error})") from error
    if score.tpq <= 0:
        raise UnreadableError("the file's header gives a beat no length")
    meters = _meters(score)
    pedals = _pedals(score)
    notes: list[Note] = []
    for part in score.tracks:
        if track is not None and part.name.strip().lower() != track.lower():
            continue
        instrument = DRUMS if part.is_drum else part.program
        notes.extend(_notes_of(part, score.tpq, instrument, pedals[instrument], meters))
    return tidy(notes)


def _ticks(time: int, ticks_per_quarter: int) -> int:
    """Return a file's time on the alphabet's grid, halves rounded up."""
    return (2 * time * TICKS_PER_BEAT + ticks_per_quarter) // (2 * ticks_per_quarter)


def _notes_of(
    part: Any, per_beat: int, instrument: int, pedal: list[tuple[int, int]], meters: list[_Meter]
) -> list[Note]:
    """Return the notes of one track, ends moved to where the pedal is lifted.

    Args:
        part: a symusic track.
        per_beat: the file's ticks in a beat.
        instrument: as in ``Note``.
        pedal: begin and end of each time the pedal is down, in the file's ticks, ascending.
        meters: from the first to the last.
    """
    columns = part.notes.numpy()
    downs = [begin for begin, _ in pedal]
    notes = []
    for time, length, pitch, velocity in zip(
        columns["time"].tolist(),
        columns["duration"].tolist(),
        columns["pitch"].tolist(),
        columns["velocity"].tolist(),
        strict=True,
    ):
        end = time + max(length, 0)
        press = bisect_right(downs, end) - 1
        if press >= 0 and end < pedal[press][1]:
            end = pedal[press][1]
        onset = _ticks(time, per_beat)
        notes.append(
            Note(
                onset_ticks=onset,
                pitch=pitch,
                instrument=instrument,
                duration_ticks=_ticks(end, per_beat) - onset,
                velocity=velocity,
                bar_ticks=_bar_ticks(onset, meters),
            )
        )
    return notes


def _pedals(score: Any) -> dict[int, list[tuple[int, int]]]:
    """Return when each instrument's pedal is down, in the file's ticks.

    One pedal serves all tracks of an instrument: the two hands of a piano are often two tracks,
    with the pedal in one of them. A pedal that is never lifted is down to the end of the piece.
    """
    presses: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for part in score.tracks:
        if part.is_drum:
            continue
        since: int | None = None
        for control in part.controls:
            if control.number != SUSTAIN_PEDAL:
                continue
            if control.value >= PEDAL_DOWN:
                since = control.time if since is None else since
            elif since is not None:
                presses[part.program].append((since, control.time))
                since = None
        if since is not None:
            presses[part.program].append((since, score.end()))
    return defaultdict(list, {program: _union(spans) for program, spans in presses.items()})


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of time that cover the same, ascending and apart from each other."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _meters(score: Any) -> list[_Meter]:
    """Return where bars stand; empty where the file does not say.

    A first time signature that lasts less than a bar of the next one stands for a pick-up.
    """
    meters = [
        _Meter(
            _ticks(signature.time, score.tpq),
            4 * TICKS_PER_BEAT * signature.numerator // signature.denominator,
        )
        for signature in sorted(score.time_signatures, key=lambda s: s.time)
        if signature.numerator > 0 and signature.denominator > 0
    ]
    meters = [meter for meter in meters if meter.bar > 0]
    if len(meters) > 1:
        length = meters[1].begin - meters[0].begin
        if 0 < length < meters[1].bar:
            bar = meters[1].bar
            meters[0] = _Meter(meters[0].begin, bar, pickup=bar - length)
    return meters


def _bar_ticks(onset: int, meters: list[_Meter]) -> int | None:
    """Return how many ticks after the beginning of its bar an onset stands."""
    index = bisect_right([meter.begin for meter in meters], onset) - 1
    if index < 0:
        return None
    meter = meters[index]
    return (onset - meter.begin + meter.pickup) % meter.bar
