"""From a written score to the notes that are heard: ties, grace notes, repeats, places in the bar.

Readers of notation fill in a ``Score``, whose times are exact fractions of a beat (a quarter
note) in the order of writing; ``perform`` plays it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from typing import Final

from live.events import TICKS_PER_BEAT, Note
from training.reading.tidy import tidy

GRACE_TICKS: Final = 3
"""Length of a grace note, a 32nd note, where there is room for it."""
GRACES_TICKS: Final = 12
"""The most that all grace notes before one note take from the time before it."""


@dataclass(frozen=True)
class ScoreNote:
    """A note head. Times in beats from the beginning of the score as written."""

    onset: Fraction
    length: Fraction
    """0 for a grace note."""
    pitch: int
    instrument: int
    velocity: int | None = None
    tied: bool = False
    """Goes on from the note head before it on the same pitch."""
    part: int = 0
    """Ties join notes of one part only."""
    lead_ticks: int = 0
    """How long before its onset a grace note is played."""

    @property
    def end(self) -> Fraction:
        """Return where the note ends, in beats."""
        return self.onset + self.length


@dataclass(frozen=True)
class Measure:
    """From one bar line to the next. Times in beats from the beginning of the score."""

    begin: Fraction
    bar: Fraction | None
    """Length of a full bar; None where no time signature says it."""
    pickup: Fraction = Fraction(0)
    """How far into the bar the measure begins."""


@dataclass
class Score:
    """All that a reader takes from notation."""

    notes: list[ScoreNote] = field(default_factory=list)
    graces: list[list[ScoreNote]] = field(default_factory=list)
    """Groups of grace notes; the chords in a group follow each other, last before its onset."""
    measures: list[Measure] = field(default_factory=list)
    order: list[int] | None = None
    """Measures as they are played; None for as they are written."""


def perform(score: Score) -> tuple[Note, ...]:
    """Return the notes of a score as they are heard, in the order of ``Note.sort_key``."""
    heads = _tied_together(score.notes) + [
        note for group in score.graces for note in _before_the_beat(group)
    ]
    heads.sort(key=lambda note: note.onset)
    if not score.measures:
        return tidy(_heard(head, Fraction(0), None) for head in heads)
    measures = _with_pickups(score.measures)
    begins = [measure.begin for measure in measures]
    within: list[list[ScoreNote]] = [[] for _ in measures]
    for head in heads:
        within[max(bisect_right(begins, head.onset) - 1, 0)].append(head)
    end = max((head.end for head in heads), default=begins[-1])
    ends = [*begins[1:], max(end, begins[-1])]
    played: list[Note] = []
    now = Fraction(0)
    for index in score.order if score.order is not None else range(len(measures)):
        measure = measures[index]
        moved = now - measure.begin
        played.extend(_heard(head, moved, measure) for head in within[index])
        now += ends[index] - measure.begin
    return tidy(played)


def _ticks(beats: Fraction) -> int:
    """Return beats on the alphabet's grid, halves rounded up."""
    return (beats * TICKS_PER_BEAT + Fraction(1, 2)).__floor__()


def _heard(head: ScoreNote, moved: Fraction, measure: Measure | None) -> Note:
    """Return a note as it is heard ``moved`` beats later than it is written."""
    onset = _ticks(head.onset + moved)
    bar_ticks = None
    if measure is not None and measure.bar:
        place = _ticks(head.onset - measure.begin + measure.pickup) - head.lead_ticks
        bar_ticks = place % max(_ticks(measure.bar), 1)
    return Note(
        onset_ticks=onset - head.lead_ticks,
        pitch=head.pitch,
        instrument=head.instrument,
        duration_ticks=_ticks(head.end + moved) - onset if head.length else GRACE_TICKS,
        velocity=head.velocity,
        bar_ticks=bar_ticks,
    )


def _tied_together(notes: Sequence[ScoreNote]) -> list[ScoreNote]:
    """Return notes whose tied heads are joined to the head that they go on from.

    A tie that comes from nowhere (from before a repeat) begins a note of its own.
    """
    joined: list[ScoreNote] = []
    ending: dict[tuple[int, int, Fraction], int] = {}  # part, pitch and end -> index in `joined`
    for note in sorted(notes, key=lambda n: n.onset):
        index = ending.pop((note.part, note.pitch, note.onset), None) if note.tied else None
        if index is None:
            index = len(joined)
            joined.append(note)
        else:
            before = joined[index]
            joined[index] = replace(before, length=before.length + note.length)
        ending[(note.part, note.pitch, note.end)] = index
    return joined


def _before_the_beat(group: Sequence[ScoreNote]) -> list[ScoreNote]:
    """Return the grace notes before one note, each chord played shortly before the next.

    Args:
        group: in order of playing; notes of one chord share their ``lead_ticks``, a mere number.
    """
    chords = [list(chord) for _, chord in groupby(group, key=lambda note: note.lead_ticks)]
    each = max(min(GRACE_TICKS, GRACES_TICKS // len(chords)), 1)
    return [
        replace(note, lead_ticks=each * (len(chords) - index))
        for index, chord in enumerate(chords)
        for note in chord
    ]


def _with_pickups(measures: Sequence[Measure]) -> list[Measure]:
    """Return measures that know where in their bar they begin.

    A short first measure counts from the end of its bar. Of two short measures that make one bar
    together, as on both sides of a repeat sign, the second goes on from the first.
    """
    result: list[Measure] = []
    for index, measure in enumerate(measures):
        pickup = Fraction(0)
        length = measures[index + 1].begin - measure.begin if index + 1 < len(measures) else None
        if measure.bar and length is not None and 0 < length < measure.bar:
            if index == 0:
                pickup = measure.bar - length
            else:
                before = measure.begin - measures[index - 1].begin
                if before + length == measure.bar:
                    pickup = before
        result.append(replace(measure, pickup=pickup))
    return result
