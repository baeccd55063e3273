"""Takes the notes out of a music21 score (MusicXML, ABC): measure by measure, each once.

music21 can tie, expand and flatten scores itself, but copies every object for each of these; the
walk below reads a score in a few hundredths of the time of parsing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from music21 import bar, chord, dynamics, harmony, instrument, note, repeat, spanner, stream

from live.events import DRUMS
from training.reading import repeats
from training.reading.dynamics import Loudness, mark_of, velocity
from training.reading.instruments import PIANO, program
from training.reading.score import Measure, Score, ScoreNote

_JUMPS: Final = {
    repeat.DaCapo: repeats.Jump.DA_CAPO,
    repeat.DaCapoAlFine: repeats.Jump.DA_CAPO,
    repeat.DaCapoAlCoda: repeats.Jump.DA_CAPO,
    repeat.DalSegno: repeats.Jump.DAL_SEGNO,
    repeat.DalSegnoAlFine: repeats.Jump.DAL_SEGNO,
    repeat.DalSegnoAlCoda: repeats.Jump.DAL_SEGNO,
    repeat.AlSegno: repeats.Jump.DAL_SEGNO,
}


def score_of(source: Any, part_name: str | None = None) -> Score:
    """Return the notes and measures of a music21 Score or Part.

    Args:
        source: the stream; it is not changed.
        part_name: read only the parts of this name, case aside; None reads all.
    """
    parts = list(source.parts) if isinstance(source, stream.Score) else [source]
    score = Score()
    longest = max(
        parts, key=lambda part: len(part.getElementsByClass(stream.Measure)), default=None
    )
    if longest is None:
        return score
    score.measures = _measures(longest)
    score.order = _order(longest)
    loudness: dict[str, list[tuple[Fraction, str]]] = {}
    for part in parts:
        loudness.setdefault(_player(part), []).extend(_marks(part))
    for index, part in enumerate(parts):
        if part_name is None or str(part.partName).strip().lower() == part_name.lower():
            _read_part(score, part, index, sorted(loudness[_player(part)]))
    return score


def _beats(offset: Any) -> Fraction:
    """Return a time of music21 exactly; it keeps simple ones as floats."""
    return Fraction(offset).limit_denominator(10080)


def _player(part: Any) -> str:
    """Return who plays a staff: the staves of one piano share their dynamics."""
    return str(part.id).rsplit("-Staff", maxsplit=1)[0]


def _elements(part: Any) -> Iterator[tuple[Fraction, Any]]:
    """Give each element of a part with its onset, those in voices and measures too."""
    for element in part:
        offset = _beats(element.offset)
        if isinstance(element, (stream.Measure, stream.Voice)):
            for inner, found in _elements(element):
                yield offset + inner, found
        else:
            yield offset, element


def _marks(part: Any) -> list[tuple[Fraction, str]]:
    return [
        (onset, element.value)
        for onset, element in _elements(part)
        if isinstance(element, dynamics.Dynamic) and element.value
    ]


def _measures(part: Any) -> list[Measure]:
    measures: list[Measure] = []
    length: Fraction | None = None
    for element in part.getElementsByClass(stream.Measure):
        if element.timeSignature is not None:
            length = _beats(element.timeSignature.barDuration.quarterLength)
        measures.append(Measure(begin=_beats(element.offset), bar=length))
    return measures


def _order(part: Any) -> list[int] | None:
    """Return the order in which the measures of a part are played; None if it has no measures."""
    measures = list(part.getElementsByClass(stream.Measure))
    if not measures:
        return None
    endings: dict[int, frozenset[int]] = {}
    for bracket in part.recurse().getElementsByClass(spanner.RepeatBracket):
        for spanned in bracket.getSpannedElements():
            endings[id(spanned)] = frozenset(bracket.numberRange)
    return repeats.play_order([_signs(m, endings.get(id(m), frozenset())) for m in measures])


def _signs(measure: Any, endings: frozenset[int]) -> repeats.Signs:
    """Return the signs of one measure; ``endings`` as in ``repeats.Signs``."""
    signs = repeats.Signs(endings=endings)
    left, right = measure.leftBarline, measure.rightBarline
    if isinstance(left, bar.Repeat) and left.direction == "start":
        signs = replace(signs, begins_repeat=True)
    if isinstance(right, bar.Repeat) and right.direction == "end":
        signs = replace(signs, plays=max(right.times or 2, 2))
    for element in measure.getElementsByClass(repeat.RepeatExpression):
        if isinstance(element, repeat.Segno):
            signs = replace(signs, segno=True)
        elif isinstance(element, repeat.Coda):
            signs = replace(signs, coda=True)
        elif isinstance(element, repeat.Fine):
            signs = replace(signs, fine=True)
        elif type(element) in _JUMPS:
            signs = replace(signs, jump=_JUMPS[type(element)])
    return signs


def _read_part(score: Score, part: Any, index: int, marks: list[tuple[Fraction, str]]) -> None:
    """Add the notes of one staff to a score, in the order of time."""
    loudness = Loudness()
    coming = iter([*marks, None])
    following = next(coming)
    player, transposition = PIANO, 0
    graces: dict[Any, list[ScoreNote]] = {}  # those of each voice that wait for their note
    elements = sorted(_elements(part), key=lambda pair: pair[0])  # stable: graces stay first
    for onset, element in elements:
        if isinstance(element, instrument.Instrument):
            player = program(element)
            transposition = 0
            if element.transposition is not None and part.atSoundingPitch is not True:
                transposition = round(element.transposition.semitones)
            continue
        if not isinstance(element, note.NotRest) or isinstance(element, harmony.Harmony):
            continue
        while following is not None and following[0] <= onset:
            if mark := mark_of(following[1]):
                loudness.put(mark, following[0])
            following = next(coming)
        is_grace = element.duration.isGrace
        dynamic = loudness.at(onset)
        notes = [
            ScoreNote(
                onset=onset,
                length=Fraction(0) if is_grace else _beats(element.duration.quarterLength),
                pitch=pitch + (0 if who == DRUMS else transposition),
                instrument=who,
                velocity=velocity(dynamic, element.articulations, element.volume),
                tied=head.tie is not None and head.tie.type in ("stop", "continue"),
                part=index,
            )
            for head, pitch, who in _heads(element, player)
        ]
        waiting = graces.setdefault(element.activeSite, [])
        if is_grace:
            number = waiting[-1].lead_ticks + 1 if waiting else 0
            waiting.extend(replace(each, lead_ticks=number) for each in notes)
            continue
        if waiting:
            score.graces.append(list(waiting))
            waiting.clear()
        score.notes.extend(notes)


def _heads(element: Any, player: int) -> list[tuple[Any, int, int]]:
    """Return the note heads of a note or chord, each with its MIDI pitch and instrument.

    An unpitched note is a drum if its part says which; else there is nothing to sound.
    """
    heads = []
    for head in element.notes if isinstance(element, chord.ChordBase) else [element]:
        if isinstance(head, note.Note):
            heads.append((head, head.pitch.midi, player))
        elif isinstance(head, note.Unpitched):
            pitch = getattr(head.storedInstrument, "percMapPitch", None)
            if pitch is not None:
                heads.append((head, int(pitch), DRUMS))
    return heads
