"""What the core is given, call by call, noted for the journal: the same calls give the same notes.

midi_io writes down what the player does as it comes. In which order the core heard it, and at which
moments it was asked what is due, only the improviser knows. So every call goes through here, and
what is noted of it goes to the journal before what follows from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, takewhile
from statistics import median
from typing import Any, Final

from live.beat_mark import KIND, BeatMark
from live.core.controls import Command
from live.core.ear import NOTE_OFF, NOTE_ON
from live.core.memory import Memory
from live.core.midi_clock import CLOCK
from live.core.performer import Performer
from live.journal import moment
from live.journal_line import Line
from live.messages import Action, Did, Heard, Noted, TakeBegan
from live.model import Model
from live.tail import Tail

HEARD_KINDS: Final = ("in", "hush", "clock", "link")
"""Lines of the journal that are the player's playing to one who was not there."""
WITNESSES: Final = 13
"""Clock messages that are asked where in the bar they are."""

Noting = Action | Did | Noted | TakeBegan


class Transcript:
    """A core, and the notes of what it was given."""

    def __init__(self, performer: Performer, model: Model, remembered: Remembered) -> None:
        """Note what a core is given from now on.

        Args:
            performer: the core.
            model: its network.
            remembered: what of the journal it remembers.
        """
        self.performer = performer
        self._model = model
        self._remembered = remembered
        self._heard = self._noted = remembered.heard
        self._expect_beat()

    def beginning(self, now_s: float) -> Noted:
        """Return what is noted of the core as it begins."""
        about = {
            "model": self._model.path.name,
            "sha256": self._model.sha256,
            "performer": asdict(self.performer.settings),
            **asdict(self._remembered),
        }
        return Noted(moment(now_s), "core", (about,))

    def begin_take(self, began: TakeBegan) -> list[Noting]:
        """Let the core fall silent and go on with a new one, whose calls are in a new journal."""
        silence = self.performer.command(began.time_s, "my_turn")
        self.performer = self.performer.successor()
        self._heard = max(self._heard, began.number)
        self._remembered = Remembered(heard=self._heard)
        self._noted = self._heard
        self._expect_beat()
        return [*silence, began, self.beginning(began.time_s)]

    def hear(self, heard: Heard) -> list[Noting]:
        """Let the core hear a message; one that it was told already is passed over."""
        if heard.number <= self._heard:
            return []
        self._heard = heard.number
        actions = self.performer.hear(heard.time_s, heard.data)
        return [*self._beat_news(heard.time_s, actions), *actions]

    def advance(self, now_s: float) -> list[Noting]:
        """Let the core do what is due."""
        time_s = moment(now_s)
        actions = self.performer.advance(time_s)
        self._noted = self._heard
        return [Noted(time_s, "step", (self._heard,)), *self._beat_news(time_s, actions), *actions]

    def change(self, now_s: float, changes: dict[str, Any]) -> list[Noting]:
        """Let the core have other settings."""
        time_s = moment(now_s)
        before = self._catch_up(now_s)
        actions = self.performer.change(time_s, **changes)
        news = self._beat_news(time_s, actions)
        return [*before, Noted(time_s, "change", (changes,)), *news, *actions]

    def change_model(self, now_s: float, model: Model, memory: Memory) -> list[Noting]:
        """Let another network play; ``memory`` has heard the window with it, or part of it."""
        time_s = moment(now_s)
        before = self._catch_up(now_s)
        self._model = model
        actions = self.performer.change_model(time_s, str(model.path), memory)
        about = {"model": model.path.name, "sha256": model.sha256}
        return [*before, Noted(time_s, "model", (about,)), *actions]

    def command(self, now_s: float, command: Command) -> list[Noting]:
        """Let the core obey a command."""
        time_s = moment(now_s)
        before = self._catch_up(now_s)
        return [*before, Did(time_s, command), *self.performer.command(time_s, command)]

    def _expect_beat(self) -> None:
        self._beat = BeatMark.of(self.performer.clock, 0.0)
        self._beat_told = False

    def _beat_news(self, time_s: float, actions: Sequence[Action]) -> list[Noting]:
        """Note where the beat is, if that is news: the recording has its bars from there.

        It is news when it is not as expected, and when a core first does something.
        """
        mark = BeatMark.of(self.performer.clock, time_s)
        if self._beat.foretells(mark) and (self._beat_told or not actions):
            return []
        self._beat, self._beat_told = mark, True
        return [Noted(time_s, KIND, mark.rest)]

    def _catch_up(self, now_s: float) -> list[Noting]:
        """Note what was heard before something else: steps alone tell the order."""
        return self.advance(now_s) if self._noted != self._heard else []


@dataclass(frozen=True)
class Remembered:
    """What a core had been told of before it began."""

    since: int = 0
    """Number of the "sum" of the journal that it began from; 0: the beginning."""
    lines: int = 0
    """How many lines after it."""
    heard: int = 0
    """Number of the latest message among all these."""


def recall(performer: Performer, tail: Tail, origin_s: float) -> Remembered:
    """Let a new core live through the end of a session's journal.

    What was before is not heard again: keys that are held since then, how the player played last,
    the beat and the clock are put back as the tail's "sum" tells them.
    """
    recalling = _Recalling(performer, origin_s)
    performer.begin_recall()
    recalling.put_back(tail)
    recalling.take_all(tail.lines)
    performer.end_recall(recalling.now_s)
    heard = max([tail.standing.number, *(line.number or 0 for line in tail.lines)])
    return Remembered(tail.since, len(tail.lines), heard)


class _Recalling:
    def __init__(self, performer: Performer, origin_s: float) -> None:
        self._performer = performer
        self._origin_s = origin_s
        self._struck: dict[tuple[int, int], tuple[float, int]] = {}
        """By channel and pitch, of the model's notes: when, and how loud."""
        self.now_s = 0.0

    def put_back(self, tail: Tail) -> None:
        """Let the core be as at the beginning of the tail, as far as it matters there."""
        if not tail.since:
            return
        standing = tail.standing
        # A beat that never was any news is where a new core expects it.
        beat = standing.beat or BeatMark.of(self._performer.clock, self._moment(0.0)).at(0.0)
        for line in standing.lines:
            self.take(line)
        self._take_beat(beat)
        if standing.sound_s is not None:
            self._performer.recall_sound(self._moment(standing.sound_s))
        run, position = standing.clock
        if run == "running":
            position = _place_in_bar(beat, tail.lines)
        if run != "unstarted":
            self._performer.recall_clock(position, stopped=run == "stopped")

    def take_all(self, lines: Sequence[Line]) -> None:
        """Take lines; where the beat is, which is written behind what moved it, is known before."""
        beats = deque(beat for beat in map(BeatMark.read, lines) if beat is not None)
        for line in lines:
            while beats and beats[0].time_s <= line.time_s:
                self._take_beat(beats.popleft())
            self.take(line)

    def take(self, line: Line) -> None:
        time_s = self.now_s = self._moment(line.time_s)
        if line.kind == "turn" and line.rest:
            self._performer.recall_turn(line.rest[0])
        elif line.kind in HEARD_KINDS:
            told = line.told
            if told is not None:
                self._performer.hear(time_s, told)
        elif line.kind == "out":
            self._take_out(time_s, line.message)

    def _take_beat(self, beat: BeatMark) -> None:
        time_s = self._moment(beat.time_s)
        self._performer.recall_beat(time_s, beat.tick, beat.seconds_per_tick, beat.downbeat)

    def _take_out(self, time_s: float, data: bytes | None) -> None:
        if data is None or data[0] & 0xF0 not in (NOTE_OFF, NOTE_ON):
            return
        key = (data[0] & 0x0F, data[1])
        if key in self._struck:
            onset_s, velocity = self._struck.pop(key)
            self._performer.recall_note(onset_s, time_s, *key, velocity)
        if data[0] & 0xF0 == NOTE_ON:
            self._struck[key] = time_s, data[2]

    def _moment(self, time_s: float) -> float:
        return moment(self._origin_s + time_s)


def _place_in_bar(beat: BeatMark, lines: Iterable[Line]) -> int:
    """Return the place in its bar of the first clock message of some lines, while the clock runs.

    One message may be late; of several it is told what most of them say.
    """
    messages = (line for line in lines if line.kind == "clock")
    first = list(islice(takewhile(lambda line: line.told == bytes([CLOCK]), messages), WITNESSES))
    ticks = [beat.expected_tick(line.time_s) - number for number, line in enumerate(first)]
    return (round(median(ticks)) - beat.downbeat) % beat.bar_ticks if ticks else 0
