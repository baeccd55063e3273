"""A session played again: the pure core, given what the journal says it was given.

With the same model file this gives the same notes, at the same moments: the core reads no clock,
and the journal has every call to it. With another model the core is given the same playing, changes
and commands, and is asked what is due exactly when it wants to be asked.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError

from live.core.controls import Command
from live.core.memory import Memory
from live.core.performer import Performer
from live.journal_line import Line
from live.messages import Action, PlayNote, Yield
from live.past_settings import read_changes
from live.past_take import ModelFile, Take
from live.prediction import Network
from live.tail import tail_since
from live.transcript import recall

_COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Command)


@dataclass(eq=False, slots=True)
class Given:
    """A note that the core handed out."""

    note: PlayNote
    taken_back_s: float = math.inf
    """When the model had to fall silent after it: if the note had not begun by then, it never
    did."""

    @property
    def sounds(self) -> bool:
        """Whether a listener hears it."""
        return self.note.onset_s <= self.taken_back_s

    @property
    def release_s(self) -> float:
        """When it ends."""
        return min(self.note.release_s, self.taken_back_s)


@dataclass
class Replay:
    """What the core handed out."""

    given: list[Given] = field(default_factory=list)
    _open: list[Given] = field(default_factory=list)
    """Those that may still be taken back."""

    def take(self, actions: list[Action]) -> None:
        """Do what midi_io does with what the core says."""
        for action in actions:
            if isinstance(action, PlayNote):
                given = Given(action)
                self.given.append(given)
                self._open.append(given)
            elif isinstance(action, Yield):
                self.silence(action.time_s)

    def silence(self, time_s: float) -> None:
        """Let the model fall silent."""
        for given in self._open:
            if given.note.release_s > time_s:
                given.taken_back_s = time_s
        self._open.clear()


def replay(
    take: Take, network_of: Callable[[ModelFile], Network], *, as_asked: bool = True
) -> Replay:
    """Give the core once more what it was given.

    Args:
        take: the session.
        network_of: the network that a core begins or goes on with.
        as_asked: ask the core what is due at the moments at which it was asked then: with the same
            network the notes are the same, however late the machine was. False: whenever it wants
            to be asked, as if no machine were ever late; for another network.
    """
    result = Replay()
    again: _Again | None = None
    for index, line in enumerate(take.lines):
        begins = take.begins.get(index)
        if begins is not None:
            if again is not None:
                result.silence(again.sent_until_s(_ended_s(take, index)))
            performer = Performer(begins.settings, network_of(begins))
            tail = tail_since(take.lines, begins.remembered.since, begins.remembered.lines)
            recalled = recall(performer, tail, take.origin_s)
            heard = max(recalled.heard, begins.remembered.heard)
            again = _Again(take, performer, network_of, heard, take.moment_of(line), as_asked)
        elif again is not None:
            result.take(again.follow(line))
    if again is not None:
        last = next(x for x in reversed(take.lines) if x.kind in ("core", "gone"))
        gone = last.kind == "gone"  # and nobody came in its place before the end
        end_s = take.moment_of(last) if gone else take.origin_s + take.length_s
        result.take(again.pass_until(end_s))
        result.silence(again.sent_until_s(end_s))
    return result


class _Again:
    """One core that goes through its part of the journal."""

    def __init__(
        self,
        take: Take,
        performer: Performer,
        network_of: Callable[[ModelFile], Network],
        heard: int,
        now_s: float,
        as_asked: bool,
    ) -> None:
        self._take = take
        self._performer = performer
        self._network_of = network_of
        self._heard = heard
        self._as_asked = as_asked
        self._numbers = list(take.told)
        self._now_s = now_s

    def follow(self, line: Line) -> list[Action]:
        """Do what a line says was done."""
        time_s = self._take.moment_of(line)
        given = line.rest[0] if line.rest else None
        if line.kind == "step" and line.named is not None:
            actions = self._hear_until(line.named)
            return [*actions, *self.pass_until(time_s), *self._performer.advance(time_s)]
        model = ModelFile.of(given) if line.kind == "model" else None
        if model is not None:
            memory = Memory(self._network_of(model))
            before = self.pass_until(time_s)
            return [*before, *self._performer.change_model(time_s, model.model, memory)]
        if line.kind == "change" and isinstance(given, dict):
            changes = read_changes(given)
            return [*self.pass_until(time_s), *self._performer.change(time_s, **changes)]
        if line.kind == "do":
            try:
                command = _COMMAND.validate_python(given)
            except ValidationError:
                return []
            return [*self.pass_until(time_s), *self._performer.command(time_s, command)]
        return []

    def sent_until_s(self, time_s: float) -> float:
        """Return up to where all was sent by a moment: it is sent ``latency_ms`` later."""
        return time_s - max(0.0, self._performer.settings.latency_s)

    def pass_until(self, time_s: float) -> list[Action]:
        """Ask the core whenever it wants to be asked before a moment, unless it is as then."""
        actions: list[Action] = []
        if self._as_asked:
            return actions
        while (wake_s := self._performer.wake_at()) is not None and wake_s < time_s:
            self._now_s = max(self._now_s, wake_s)
            actions += self._performer.advance(self._now_s)
        self._now_s = max(self._now_s, time_s)
        return actions

    def _hear_until(self, number: int) -> list[Action]:
        actions: list[Action] = []
        for each in self._next(number):
            line = self._take.told[each]
            time_s, data = self._take.moment_of(line), line.told
            assert data is not None
            actions += self.pass_until(time_s)
            actions += self._performer.hear(time_s, data)
            if not self._as_asked:
                actions += self._performer.advance(self._now_s)
        return actions

    def _next(self, number: int) -> Iterator[int]:
        first = bisect_right(self._numbers, self._heard)
        last = bisect_right(self._numbers, number)
        self._heard = max(self._heard, number)
        yield from self._numbers[first:last]


def _ended_s(take: Take, index: int) -> float:
    """Return when the core before the one of a line ended, as nearly as the journal knows.

    midi_io notes the end of the improviser; where it ended itself, what it did last must do.
    """
    for line in reversed(take.lines[:index]):
        sent = line.kind == "out" and len(line.rest) == 3
        if sent or line.kind in ("gone", "step", "core"):
            return take.moment_of(line)
    return take.origin_s
