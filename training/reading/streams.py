"""Takes the notes out of a music21 score (MusicXML, ABC): measure by measure, each once.

music21 can tie, expand and flatten scores itself, but copies every object for each of these; the
walk below reads a score in a few hundredths of the time of parsing it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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
    begins = _begins(parts)
    score.measures = _measures(longest, begins)
    score.order = _order(longest)
    elements = {id(part): sorted(_elements(part, begins), key=lambda e: e[0]) for part in parts}
    loudness: dict[str, list[tuple[Fraction, str]]] = {}
    for part in parts:
        loudness.setdefault(_player(part), []).extend(
            (onset, element.value)
            for onset, element in elements[id(part)]
            if isinstance(element, dynamics.Dynamic) and element.value
        )
    for index, part in enumerate(parts):
        if part_name is None or str(part.partName).strip().lower() == part_name.lower():
            written = part.atSoundingPitch is not True
            marks = sorted(loudness[_player(part)])
            _read_part(score, elements[id(part)], index, marks, is_written_pitch=written)
    return score


def _beats(offset: Any) -> Fraction:
    """Return a time of music21 exactly; it keeps simple ones as floats."""
    return Fraction(offset).limit_denominator(10080)


def _player(part: Any) -> str:
    """Return who plays a staff: the staves of one piano share their dynamics."""
    return str(part.id).rsplit("-Staff", maxsplit=1)[0]


def _begins(parts: list[Any]) -> list[Fraction]:
    """Return where each measure begins, for all parts together.

    A bar that is too full in one part would put that part late for the rest of the piece: a
    measure is as long as in most parts, and where they are at odds, as its time signature says.
    """
    columns = [list(part.getElementsByClass(stream.Measure)) for part in parts]
    begins = [Fraction(0)] if any(columns) else []
    for index in range(max(map(len, columns), default=0) - 1):
        lengths = Counter(
            _beats(column[index + 1].offset) - _beats(column[index].offset)
            for column in columns
            if index + 1 < len(column)
        )
        if len(lengths) > 1:
            first = next(column for column in columns if index + 1 < len(column))
            bar_length = _beats(first[index].barDuration.quarterLength)
            length = max(lengths, key=lambda beats: (lengths[beats], beats == bar_length, beats))
        else:
            length = next(iter(lengths))
        begins.append(begins[-1] + length)
    return begins


def _elements(part: Any, begins: Sequence[Fraction]) -> Iterator[tuple[Fraction, Any]]:
    """Give each element of a part with its onset, those in measures and voices too."""
    measure = 0
    for element in part:
        if isinstance(element, stream.Measure):
            for onset, inner in _elements(element, ()):
                yield begins[measure] + onset, inner
            measure += 1
        elif isinstance(element, stream.Voice):
            for onset, inner in _elements(element, ()):
                yield _beats(element.offset) + onset, inner
        else:
            yield _beats(element.offset), element


def _measures(part: Any, begins: Sequence[Fraction]) -> list[Measure]:
    measures: list[Measure] = []
    length: Fraction | None = None
    for element, begin in zip(part.getElementsByClass(stream.Measure), begins, strict=True):
        if element.timeSignature is not None:
            length = _beats(element.timeSignature.barDuration.quarterLength)
        measures.append(Measure(begin=begin, bar=length))
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


def _read_part(
    score: Score,
    elements: Sequence[tuple[Fraction, Any]],
    index: int,
    marks: Sequence[tuple[Fraction, str]],
    *,
    is_written_pitch: bool,
) -> None:
    """Add the notes of one staff to a score.

    Args:
        score: is added to.
        elements: of the staff with their onsets, in the order of time.
        index: number of the staff.
        marks: dynamics that hold for it, in the order of time.
        is_written_pitch: whether a transposing instrument sounds otherwise than written.
    """
    loudness = Loudness()
    coming = iter([*marks, None])
    following = next(coming)
    player, transposition = PIANO, 0
    drum: int | None = None
    graces: dict[Any, list[ScoreNote]] = {}  # those of each voice that wait for their note
    for onset, element in elements:
        if isinstance(element, instrument.Instrument):
            player = program(element)
            drum = getattr(element, "percMapPitch", None)
            transposition = 0
            if element.transposition is not None and is_written_pitch:
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
            for head, pitch, who in _heads(element, player, drum)
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


def _heads(element: Any, player: int, drum: int | None) -> list[tuple[Any, int, int]]:
    """Return the note heads of a note or chord, each with its MIDI pitch and instrument.

    An unpitched note is a drum if its part says which; else there is nothing to sound. (Of a drum
    kit on one staff music21 keeps the first drum only.)
    """
    heads = []
    for head in element.notes if isinstance(element, chord.ChordBase) else [element]:
        if isinstance(head, note.Note):
            heads.append((head, head.pitch.midi, player))
        elif isinstance(head, note.Unpitched) and drum is not None:
            heads.append((head, drum, DRUMS))
    return heads
