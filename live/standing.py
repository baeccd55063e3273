"""What a part of a journal leaves standing: what has to be known of it to go on from its end.

The notes of an hour ago need not be known; that a key has been held since then must be, where the
beat is, and whether the clock runs. A pure object takes the lines one by one, whoever reads or
writes them, and tells it all as one line more, a "sum", from which it can be read back.
"""

from __future__ import annotations

from collections import deque
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, Field, FiniteFloat, NonNegativeInt, ValidationError

from live.beat_mark import BeatMark
from live.core.controls import PRESSED
from live.core.ear import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, SUSTAIN_PEDAL
from live.core.midi_clock import CLOCK, CONTINUE, START, STOP, TICKS_PER_SIXTEENTH
from live.core.portrait import REMEMBERED_NOTES
from live.journal_line import Line, as_line
from live.midi_io.held import PEDALS

SUM: Final = "sum"
"""Kind of the line."""
STANDING_KINDS: Final = ("in", "out", "hush", "control", "clock", "link", "beat", "turn")
"""Kinds of lines that leave something standing."""
PLAYED: Final = 4 * REMEMBERED_NOTES
"""Messages of the player's keys that are known: the latest so many."""

Key = tuple[int, int]
"""Channel and pitch."""
Run = Literal["unstarted", "armed", "running", "stopped"]
"""What the MIDI clock does; armed: it was started, and its next message begins the song."""
Entry = list[Any]
"""A line as it is written."""


_Key = tuple[Annotated[int, Field(ge=0, le=15)], Annotated[int, Field(ge=0, le=127)]]


class _Sum(BaseModel):
    """What is written."""

    id: NonNegativeInt
    number: NonNegativeInt
    down: dict[Literal["in", "out"], list[_Key]]
    pedals: dict[Literal["in", "out"], list[_Key]]
    played: list[Entry]
    held: list[Entry]
    latest: list[Entry]
    clock: tuple[Run, NonNegativeInt]
    sound_s: FiniteFloat | None


class Standing:
    """What stands after the lines that were taken."""

    def __init__(self) -> None:
        self.id = 0
        """Number of the "sum" that this was read from or written to last; 0: none."""
        self.number = 0
        """Of the latest message that the improviser was told."""
        self.clock: tuple[Run, int] = "unstarted", 0
        """And the place in the song at which it goes on, in ticks, unless it runs."""
        self.sound_s: float | None = None
        """When a note began or ended last."""
        self._down: dict[str, set[Key]] = {"in": set(), "out": set()}
        self._pedals: dict[str, set[Key]] = {"in": set(), "out": set()}
        self._held: dict[Key, Line] = {}
        """By key, or by channel and -1 for its pedal: what the improviser believes to be down."""
        self._played: deque[Line] = deque(maxlen=PLAYED)
        self._latest: dict[str, Line] = {}
        """By kind, of "beat", "turn" and "link"."""
        self._clock_s: float | None = None
        """When the MIDI clock's latest message came."""

    @property
    def beat(self) -> BeatMark | None:
        """Return where the beat was last told to be."""
        line = self._latest.get("beat")
        return None if line is None else BeatMark.read(line)

    @property
    def lines(self) -> list[Line]:
        """Return the lines that still tell something, in order of time; not that of ``beat``."""
        latest = [line for kind, line in self._latest.items() if kind != "beat"]
        lines = [*self._held.values(), *latest, *self._played]
        return sorted({id(x): x for x in lines}.values(), key=lambda x: (x.time_s, x.number or 0))

    def down(self, kind: Literal["in", "out"]) -> set[Key]:
        """Return the keys that were struck and not released: the player's, or the model's."""
        return self._down[kind]

    def pedals(self, kind: Literal["in", "out"]) -> set[tuple[int, int]]:
        """Return channels and controllers of the pedals that are pressed, likewise."""
        return self._pedals[kind]

    def take(self, line: Line) -> None:
        """Take the next line."""
        kind = line.kind
        self.number = max(self.number, line.number or 0)
        if kind in ("in", "out", "hush"):
            self._take_message(line)
        elif kind == "clock":
            self._take_clock(line)
        elif (
            kind == "turn"
            or BeatMark.read(line) is not None
            or (kind == "link" and line.told is not None)
        ):
            self._latest[kind] = line

    def summary(self, time_s: float) -> Entry:
        """Return a line that tells all this, as it is written."""
        self.id += 1
        told = _Sum(
            id=self.id,
            number=self.number,
            down={"in": sorted(self._down["in"]), "out": sorted(self._down["out"])},
            pedals={"in": sorted(self._pedals["in"]), "out": sorted(self._pedals["out"])},
            played=[_entry(line) for line in self._played],
            held=[_entry(line) for line in self._held.values()],
            latest=[_entry(line) for line in self._latest.values()],
            clock=self.clock,
            sound_s=self.sound_s,
        )
        return [SUM, time_s, told.model_dump()]

    @classmethod
    def read(cls, line: Line) -> Self | None:
        """Return what a "sum" tells; None: it is another line, or makes no sense."""
        if line.kind != SUM or not line.rest:
            return None
        try:
            told = _Sum.model_validate(line.rest[0])
        except ValidationError:
            return None
        self = cls()
        self.id, self.number = told.id, told.number
        self.clock, self.sound_s = told.clock, told.sound_s
        self._down = {kind: set(told.down.get(kind, ())) for kind in ("in", "out")}
        self._pedals = {kind: set(told.pedals.get(kind, ())) for kind in ("in", "out")}
        for each in _lines(told.held):
            data = each.message
            if data is not None:
                self._held[data[0] & 0x0F, data[1] if data[0] & 0xF0 == NOTE_ON else -1] = each
        known = {each.number: each for each in self._held.values()}
        self._played.extend(known.get(each.number, each) for each in _lines(told.played))
        self._latest = {each.kind: each for each in _lines(told.latest)}
        return self

    def _take_message(self, line: Line) -> None:
        data = line.message
        if data is None:
            return
        kind, channel, key = data[0] & 0xF0, data[0] & 0x0F, (data[0] & 0x0F, data[1])
        told = line.number is not None
        if kind in (NOTE_ON, NOTE_OFF):
            struck = kind == NOTE_ON and data[2] > 0
            if line.kind in self._down:
                change = self._down[line.kind].add if struck else self._down[line.kind].discard
                change(key)
            if told or line.kind == "out":
                self.sound_s = line.time_s
            if told:
                self._played.append(line)
                self._hold(key, line, struck)
        elif kind == CONTROL_CHANGE and data[1] in PEDALS:
            pressed = data[2] >= PRESSED
            if line.kind in self._pedals:
                pedals = self._pedals[line.kind]
                (pedals.add if pressed else pedals.discard)(key)
            if told and data[1] == SUSTAIN_PEDAL:
                self._hold((channel, -1), line, pressed)

    def _hold(self, key: Key, line: Line, down: bool) -> None:
        if down:
            self._held[key] = line
        else:
            self._held.pop(key, None)

    def _take_clock(self, line: Line) -> None:
        data = line.told
        if not isinstance(data, bytes):
            return
        run, position = self.clock
        if data[0] == CLOCK:
            self._clock_s = line.time_s
            if run == "armed":
                self.clock = "running", 0
        elif data[0] == START:
            self.clock = "armed", 0
        elif data[0] == CONTINUE:
            if run != "running":
                self.clock = "armed", position
        elif data[0] == STOP:
            if run == "running":
                position = self._next_place(line.time_s)
            if run != "unstarted":
                self.clock = "stopped", position
        elif run != "running":  # Song Position
            self.clock = run, TICKS_PER_SIXTEENTH * (data[1] | data[2] << 7)

    def _next_place(self, time_s: float) -> int:
        """Return the place in its bar of the clock's next message after a moment."""
        beat = self.beat
        heard_s = time_s if self._clock_s is None else self._clock_s
        return 0 if beat is None else beat.place_in_bar(heard_s) + 1


def _entry(line: Line) -> Entry:
    return [line.kind, line.time_s, *line.rest]


def _lines(entries: list[Entry]) -> list[Line]:
    read = (as_line(entry) for entry in entries)
    return [line for line in read if line is not None]
