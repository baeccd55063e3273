"""What was recorded of the model, held against what a replay gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from live.core.ear import NOTE_ON
from live.journal_line import Line
from live.past_take import Take
from live.replay import Given, Replay

NEAR_S: Final = 0.1
"""What was taken back so shortly before or after its moment may have sounded or not: the word of it
crossed with the note on the way."""
Spelling = tuple[int, int, int, int]
"""Onset in microseconds, channel, pitch, velocity: what makes two notes the same."""


@dataclass(frozen=True)
class Recorded:
    """A note of the model's that was sent."""

    onset_s: float
    """Its deadline: the moment that the core gave it."""
    channel: int
    pitch: int
    velocity: int
    release_s: float | None
    """The deadline of its end; None: it was ended before."""

    @property
    def spelling(self) -> Spelling:
        """Return what makes it the same as another."""
        return round(1e6 * self.onset_s), self.channel, self.pitch, self.velocity


@dataclass(frozen=True)
class Comparison:
    """Which notes of a replay are the ones that were recorded."""

    recorded: int
    """How many notes were recorded."""
    same: int
    """How many of them the replay has, with the same onset, pitch, velocity and length."""
    first_difference_s: float | None
    """Where the first other note is, in seconds from the beginning; None: there is none."""
    more: int
    """How many notes the replay has beyond those that were recorded."""

    @property
    def alike(self) -> bool:
        """Whether all notes are the same."""
        return self.same == self.recorded and self.more == 0


def recorded_notes(take: Take) -> list[Recorded]:
    """Return the notes of the model's that a session's journal says were sent."""
    notes: list[Recorded] = []
    open_notes: dict[tuple[int, int], int] = {}
    for line in _sent(take):
        number, deadline_s = line.rest[1], float(line.rest[2])
        data = line.message
        assert data is not None
        if data[0] & 0xF0 == NOTE_ON:
            open_notes[number, data[1]] = len(notes)
            notes.append(Recorded(deadline_s, data[0] & 0x0F, data[1], data[2], None))
            continue
        index = open_notes.pop((number, data[1]), None)
        if index is not None:
            notes[index] = replace(notes[index], release_s=deadline_s)
    return notes


def compare(take: Take, replayed: Replay) -> Comparison:
    """Hold a replay against the recording, note by note."""
    given: dict[Spelling, list[Given]] = defaultdict(list)
    for each in sorted(replayed.given, key=_must_sound, reverse=True):
        n = each.note
        given[round(1e6 * n.onset_s), n.channel, n.pitch, n.velocity].append(each)
    recorded = recorded_notes(take)
    different = []
    same = 0
    for note in recorded:
        matches = given[note.spelling]
        if matches and _same_length(note, matches.pop(0)):
            same += 1
        else:
            different.append(note.onset_s)
    more = [each.note.onset_s for left in given.values() for each in left if _must_sound(each)]
    different += more
    return Comparison(
        len(recorded),
        same,
        min(different) - take.origin_s if different else None,
        len(more),
    )


def _must_sound(given: Given) -> bool:
    """Whether a note must have been heard, however the processes' messages crossed."""
    return given.note.onset_s < given.taken_back_s - NEAR_S


def _same_length(recorded: Recorded, given: Given) -> bool:
    if recorded.release_s is None:
        return True
    return abs(recorded.release_s - given.note.release_s) < 1e-6


def _sent(take: Take) -> Iterator[Line]:
    """Yield what was sent at a deadline; what ended a note before it has none."""
    for line in take.lines:
        if line.kind != "out" or line.message is None or len(line.rest) != 3:
            continue
        number, deadline_s = line.rest[1:]
        if type(number) is int and isinstance(deadline_s, int | float):
            yield line
