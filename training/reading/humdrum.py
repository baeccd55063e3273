"""Reads Humdrum ``**kern`` files, their tokens with music21.

The spines are followed here, and not by music21's own parser, for three reasons: that one places
notes after a split of spines a bar off in some scores, loses dynamics whose line has no note, and
passes over the labels (``*>[A,A,B]``) that spell out repeats. Line for line the time is certain:
a line begins when the first of the notes that still sound ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from typing import Final

from music21.humdrum.spineParser import HumdrumException, hdStringToNote

from training.reading import repeats
from training.reading.dynamics import Loudness, mark_of, velocity
from training.reading.errors import UnreadableError
from training.reading.instruments import PIANO, VOICE, program_of_code, program_of_name
from training.reading.score import Measure, Score, ScoreNote

_METER: Final = re.compile(r"\*M(\d+)/(\d+)")
_EXPANSION: Final = re.compile(r"\*>\[([^\]]*)\]")
_LABEL: Final = re.compile(r"\*>([^\[]+)$")


@dataclass(frozen=True)
class _Head:
    """What one token says of a note."""

    length: Fraction
    pitch: int | None
    """None: a rest."""
    tied: bool
    grace: bool
    articulations: tuple[object, ...]


@dataclass
class _Spine:
    kind: str
    root: int
    """Number of the column that it began as; a part for ties."""
    part: str = ""
    program: int | None = None
    is_coded: bool = False
    """Whether the program comes from a code, which a printed name does not change."""


@dataclass
class _Reading:
    """How far the file is read."""

    score: Score = field(default_factory=Score)
    spines: list[_Spine] = field(default_factory=list)
    now: Fraction = Fraction(0)
    ends: list[Fraction] = field(default_factory=list)
    """When the notes and rests end that sound now."""
    bar: Fraction | None = None
    signs: list[repeats.Signs] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    """The measure with which each labelled section begins."""
    expansion: list[str] | None = None
    loudness: dict[str, Loudness] = field(default_factory=dict)
    graces: dict[int, list[ScoreNote]] = field(default_factory=dict)
    """Grace notes of each column that wait for their note."""


def read_humdrum(text: str) -> Score:
    """Return the score of a Humdrum file.

    Raises:
        UnreadableError: it has no ``**kern`` spine, or its columns do not add up.
    """
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("!"):
            continue
        tokens = line.split("\t")
        if line.startswith("**"):
            _begin(reading, tokens)
        elif len(tokens) != len(reading.spines):
            raise UnreadableError(
                f"line {number} has {len(tokens)} columns where {len(reading.spines)} are due"
            )
        elif line.startswith("*"):
            _interpret(reading, tokens)
        elif line.startswith("="):
            _bar_line(reading, next(t for t in tokens if t.startswith("=")))
        else:
            _data(reading, tokens)
    if not any(n for n in reading.score.notes):
        raise UnreadableError("it holds no notes in **kern")
    reading.score.order = _order(reading)
    return reading.score


def _begin(reading: _Reading, tokens: list[str]) -> None:
    """Take in the line that says what each column is."""
    reading.spines = [_Spine(kind=token, root=column) for column, token in enumerate(tokens)]
    kerns = [column for column, token in enumerate(tokens) if token == "**kern"]
    for column in kerns:
        # In a song the staff with the words below it is the singer's, whatever it is called.
        if len(kerns) > 2 and tokens[column + 1 : column + 2] == ["**text"]:
            reading.spines[column].program = VOICE
    reading.score.measures.append(Measure(begin=reading.now, bar=None))
    reading.signs.append(repeats.Signs())


def _interpret(reading: _Reading, tokens: list[str]) -> None:
    """Take in a line of interpretations: instruments, meter, labels, paths of the spines."""
    for spine, token in zip(reading.spines, tokens, strict=True):
        if token.startswith("*part"):
            spine.part = token
        elif token.startswith('*I"') and not spine.is_coded and token[3:].strip():
            spine.program = spine.program or program_of_name(token[3:])
        elif token.startswith("*I") and (code := program_of_code(token[2:])) is not None:
            spine.program, spine.is_coded = code, True
        elif meter := _METER.match(token):
            beats, unit = int(meter[1]), int(meter[2])
            if beats and unit:
                _set_bar(reading, Fraction(4 * beats, unit))
        elif expansion := _EXPANSION.match(token):
            reading.expansion = [label.strip() for label in expansion[1].split(",")]
        elif (label := _LABEL.match(token)) and label[1] not in reading.labels:
            reading.labels[label[1]] = _new_measure(reading)
    if any(token in ("*^", "*v", "*-", "*+", "*x") for token in tokens):
        reading.spines = _next_spines(reading.spines, tokens)


def _next_spines(spines: list[_Spine], tokens: list[str]) -> list[_Spine]:
    """Return the spines of the following line, after splits, joins and ends."""
    result: list[_Spine] = []
    crossing: int | None = None
    for is_join, run in groupby(zip(spines, tokens, strict=True), key=lambda pair: pair[1] == "*v"):
        if is_join:
            result.extend(_joined([spine for spine, _ in run]))
            continue
        for spine, token in run:
            if token == "*-":
                continue
            result.append(spine)
            if token == "*^":
                result.append(replace(spine))
            elif token == "*+":
                result.append(_Spine(kind="", root=max(s.root for s in spines) + 1))
            elif token == "*x":
                if crossing is None:
                    crossing = len(result) - 1
                else:
                    result[crossing], result[-1] = result[-1], result[crossing]
                    crossing = None
    return result


def _joined(spines: list[_Spine]) -> list[_Spine]:
    """Return what is left of neighbours that are joined in one line.

    Neighbours from two columns are two joins; but nothing is joined with itself alone.
    """
    groups = [list(group) for _, group in groupby(spines, key=lambda spine: spine.root)]
    if any(len(group) == 1 for group in groups):
        return spines[:1]
    return [group[0] for group in groups]


def _set_bar(reading: _Reading, bar: Fraction) -> None:
    reading.bar = bar
    last = reading.score.measures[-1]
    if last.begin == max([reading.now, *reading.ends]):
        reading.score.measures[-1] = replace(last, bar=bar)


def _new_measure(reading: _Reading) -> int:
    """Return the index of a measure that begins where all that sounds has ended."""
    reading.now = max([reading.now, *reading.ends])
    reading.ends = []
    if reading.score.measures[-1].begin != reading.now:
        reading.score.measures.append(Measure(begin=reading.now, bar=reading.bar))
        reading.signs.append(repeats.Signs())
    return len(reading.score.measures) - 1


def _bar_line(reading: _Reading, token: str) -> None:
    """Take in a bar line. All parts are together again, even after a wrong duration."""
    before = len(reading.score.measures) - 1
    here = _new_measure(reading)
    ends, begins = re.search(r":[|!=]", token), re.search(r"[|!=]:", token)
    if token.count(":") > 1 or ends:
        reading.signs[before] = replace(reading.signs[before], plays=2)
    if token.count(":") > 1 or begins:
        reading.signs[here] = replace(reading.signs[here], begins_repeat=True)


def _data(reading: _Reading, tokens: list[str]) -> None:
    """Take in a line of notes."""
    heads = [
        _heads(token) if spine.kind == "**kern" and token != "." else []
        for spine, token in zip(reading.spines, tokens, strict=True)
    ]
    if any(not head.grace for column in heads for head in column) and reading.ends:
        reading.now = min(reading.ends)
        reading.ends = [end for end in reading.ends if end > reading.now]
    for spine, token in zip(reading.spines, tokens, strict=True):
        if spine.kind == "**dynam" and (mark := mark_of(token)):
            reading.loudness.setdefault(spine.part, Loudness()).put(mark, reading.now)
    for spine, column in zip(reading.spines, heads, strict=True):
        if column:
            _sound(reading, spine, column)


def _sound(reading: _Reading, spine: _Spine, heads: list[_Head]) -> None:
    """Take in the notes of one column in one line."""
    loudness = reading.loudness.get(spine.part)
    dynamic = loudness.at(reading.now) if loudness else None
    notes = [
        ScoreNote(
            onset=reading.now,
            length=Fraction(0) if head.grace else head.length,
            pitch=head.pitch,
            instrument=PIANO if spine.program is None else spine.program,
            velocity=velocity(dynamic, head.articulations),
            tied=head.tied,
            part=spine.root,
        )
        for head in heads
        if head.pitch is not None
    ]
    waiting = reading.graces.setdefault(spine.root, [])
    if all(head.grace for head in heads):
        number = waiting[-1].lead_ticks + 1 if waiting else 0
        waiting.extend(replace(note, lead_ticks=number) for note in notes)
        return
    if waiting:
        reading.score.graces.append([replace(note, onset=reading.now) for note in waiting])
        waiting.clear()
    reading.score.notes.extend(notes)
    reading.ends.append(reading.now + max(head.length for head in heads))


def _heads(token: str) -> list[_Head]:
    """Return the notes of a chord; those without a duration take the first one's."""
    heads: list[_Head] = []
    for part in token.split():
        head = _head(part)
        if head is not None:
            heads.append(replace(head, length=head.length or heads[0].length) if heads else head)
    return heads


@lru_cache(maxsize=65536)
def _head(token: str) -> _Head | None:
    """Return what one note's token says; a duration without a pitch counts as a rest.

    music21 gives a token without a duration a quarter note's: such are marked with length 0.
    """
    try:
        read = hdStringToNote(token)
    except HumdrumException:
        try:
            read = hdStringToNote(token + "r")
        except HumdrumException:
            return None
    has_length = re.search(r"\d", token) is not None
    return _Head(
        length=Fraction(read.quarterLength).limit_denominator(10080) if has_length else Fraction(0),
        pitch=read.pitch.midi if read.isNote else None,
        tied=read.tie is not None and read.tie.type in ("stop", "continue"),
        grace=read.duration.isGrace,
        articulations=tuple(read.articulations),
    )


def _order(reading: _Reading) -> list[int]:
    """Return the order of the measures: as the file spells it, or else by its repeat signs."""
    labels, count = reading.labels, len(reading.score.measures)
    if not reading.expansion or any(label not in labels for label in reading.expansion):
        return repeats.play_order(reading.signs)
    borders = sorted({*labels.values(), count})
    order = list(range(min(labels.values())))
    for label in reading.expansion:
        begin = labels[label]
        order.extend(range(begin, borders[borders.index(begin) + 1]))
    return order if len(order) <= repeats.MAX_EXPANSION * count else list(range(count))
