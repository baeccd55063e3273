"""A session played again: the pure core, given what the journal says it was given.

With the same model file this gives the same notes, at the same moments: the core reads no clock,
and the journal has every call to it. With another model the core is given the same playing, changes
and commands, and is asked what is due exactly when it wants to be asked.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from live.core.controls import Command
from live.core.memory import Memory, Network
from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.errors import UserError
from live.journal import moment, read_header, read_lines
from live.journal_line import Line
from live.messages import Action, Panic, PlayNote, Yield
from live.past_settings import read_changes, read_settings
from live.tail import tail_since
from live.transcript import Remembered, recall

NEAR_S: Final = 0.1
"""What was taken back so shortly before or after its moment may have sounded or not: the word of it
crossed with the note on the way."""
_COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Command)


@dataclass(frozen=True)
class ModelFile:
    """Which model: of a "model" line, with which the core went on from there."""

    model: str
    """Name of the file."""
    sha256: str

    @classmethod
    def of(cls, about: object) -> ModelFile | None:
        """Return what is said about a model; None: it makes no sense."""
        if not isinstance(about, dict) or not isinstance(about.get("sha256"), str):
            return None
        return cls(str(about.get("model")), about["sha256"])


@dataclass(frozen=True)
class CoreBegins(ModelFile):
    """A "core" line: with what the improviser began, at first or after its end."""

    settings: PerformerSettings
    remembered: Remembered

    @classmethod
    def read(cls, line: Line) -> CoreBegins | None:
        """Return what a line says; None: it makes no sense."""
        about = line.rest[0] if line.rest else None
        if not isinstance(about, dict):
            return None
        settings = read_settings(about.get("performer"))
        if settings is None:
            return None
        sha256, counts = about.get("sha256"), [about.get(n, 0) for n in ("since", "lines", "heard")]
        if not isinstance(sha256, str) or any(type(n) is not int or n < 0 for n in counts):
            return None
        return cls(str(about.get("model")), sha256, settings, Remembered(*counts))


@dataclass(frozen=True)
class Take:
    """A journal that has been read."""

    header: dict[str, Any]
    lines: Sequence[Line]

    @classmethod
    def read(cls, path: Path) -> Take:
        """Read the journal of a session, named by itself or by its MIDI file.

        Raises:
            UserError: it is not there, or is none that can be played again.
        """
        journal = path.with_suffix(".jsonl") if path.suffix.lower() != ".jsonl" else path
        try:
            take = cls(read_header(journal), tuple(read_lines(journal)))
        except OSError as error:
            raise UserError(
                f"cannot read the journal {journal}: {error.strerror}; name a session's .mid or "
                ".jsonl file, which stand beside each other"
            ) from error
        if not take.header:
            raise UserError(f"{journal} is not the journal of a session")
        if not take.begins:
            raise UserError(
                f"{journal} does not say what the model heard and when: it was recorded by an "
                "earlier version, or ended before the model was ready"
            )
        return take

    @cached_property
    def origin_s(self) -> float:
        """The moment from which the lines' times are counted."""
        origin_s = self.header.get("origin_s")
        number = isinstance(origin_s, int | float) and math.isfinite(origin_s)
        return float(origin_s) if number else 0.0  # type: ignore[arg-type]

    @cached_property
    def begins(self) -> dict[int, CoreBegins]:
        """By index of its line: the cores that began."""
        read = {i: CoreBegins.read(x) for i, x in enumerate(self.lines) if x.kind == "core"}
        return {i: begins for i, begins in read.items() if begins is not None}

    @cached_property
    def models(self) -> list[ModelFile]:
        """Which models were played with."""
        given = [line.rest[0] for line in self.lines if line.kind == "model" and line.rest]
        later = [ModelFile.of(about) for about in given]
        return [*self.begins.values(), *(model for model in later if model is not None)]

    @cached_property
    def told(self) -> dict[int, Line]:
        """By number: the messages that a core was told while it played."""
        missed = {line.rest[0] for line in self.lines if line.kind == "missed" and _whole(line)}
        numbered = {x.number: x for x in self.lines if x.number is not None and x.told is not None}
        return {n: x for n, x in sorted(numbered.items()) if n not in missed}

    @cached_property
    def missing(self) -> int:
        """How many messages were told that the journal does not have: the disk was full."""
        numbers = {line.number for line in self.lines if line.number is not None}
        remembered = min((begins.remembered.heard for begins in self.begins.values()), default=0)
        latest = max((n for n in numbers), default=0)
        return max(0, latest - remembered - sum(n > remembered for n in numbers))

    @property
    def length_s(self) -> float:
        """How long it is."""
        return max((line.time_s for line in self.lines), default=0.0)

    def moment_of(self, line: Line) -> float:
        """Return the moment of a line as the processes saw it."""
        return moment(self.origin_s + line.time_s)


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
            elif isinstance(action, Yield | Panic):
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
                result.silence(_ended_s(take, index))
            performer = Performer(begins.settings, network_of(begins))
            tail = tail_since(take.lines, begins.remembered.since, begins.remembered.lines)
            heard = recall(performer, tail, take.origin_s).heard
            again = _Again(take, performer, network_of, heard, take.moment_of(line), as_asked)
        elif again is not None:
            result.take(again.follow(line))
    if again is not None and not as_asked:
        result.take(again.pass_until(take.origin_s + take.length_s))
    result.silence(take.origin_s + take.length_s)
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
        if line.kind == "step" and _whole(line):
            actions = self._hear_until(line.rest[0])
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


def _whole(line: Line) -> bool:
    return bool(line.rest) and type(line.rest[0]) is int
