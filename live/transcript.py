"""What the core is given, call by call, noted for the journal: the same calls give the same notes.

midi_io writes down what the player does as it comes. In which order the core heard it, and at which
moments it was asked what is due, only the improviser knows. So every call goes through here, and
what is noted of it goes to the journal before what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from live.beat_mark import KIND, BeatMark
from live.core.controls import Command
from live.core.ear import NOTE_OFF, NOTE_ON
from live.core.memory import Memory
from live.core.performer import Performer
from live.journal import Line, moment
from live.messages import Action, Did, Heard, Noted, TakeBegan
from live.model import Model

HEARD_KINDS: Final = ("in", "hush", "clock", "link")
"""Lines of the journal that are the player's playing to one who was not there."""

Noting = Action | Did | Noted | TakeBegan


class Transcript:
    """A core, and the notes of what it was given."""

    def __init__(self, performer: Performer, model: Model, lines: int, heard: int) -> None:
        """Note what a core is given from now on.

        Args:
            performer: the core.
            model: its network.
            lines: how many lines of the journal it remembers.
            heard: number of the latest message that it remembers.
        """
        self.performer = performer
        self._model = model
        self._lines = lines
        self._heard = heard
        self._noted = heard
        self._expect_beat()

    def beginning(self, now_s: float) -> Noted:
        """Return what is noted of the core as it begins."""
        about = {
            "model": self._model.path.name,
            "sha256": self._model.sha256,
            "performer": asdict(self.performer.settings),
            "lines": self._lines,
            "heard": self._heard,
        }
        return Noted(moment(now_s), "core", (about,))

    def begin_take(self, began: TakeBegan) -> list[Noting]:
        """Let the core fall silent and go on with a new one, whose calls are in a new journal."""
        silence = self.performer.command(began.time_s, "my_turn")
        self.performer = self.performer.successor()
        self._lines, self._noted = 0, self._heard
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


def recall(performer: Performer, lines: Iterable[Line], origin_s: float) -> tuple[int, int]:
    """Let a new core live through what the journal has of the session so far.

    Returns:
        How many lines there were, and the number of the latest message in them that the player's
        core was told.
    """
    count = heard = 0
    struck: dict[tuple[int, int], tuple[float, int]] = {}
    """By channel and pitch: when, and how loud."""
    for line in lines:
        count += 1
        time_s = moment(origin_s + line.time_s)
        if line.kind == "turn" and line.rest:
            performer.recall_turn(line.rest[0])
        heard = max(heard, line.number or 0)
        told, data = line.told, line.message
        if line.kind in HEARD_KINDS:
            if told is not None:
                performer.hear(time_s, told)
        elif line.kind == "out" and data is not None and data[0] & 0xF0 in (NOTE_OFF, NOTE_ON):
            key = (data[0] & 0x0F, data[1])
            if key in struck:
                onset_s, velocity = struck.pop(key)
                performer.recall_note(onset_s, time_s, *key, velocity)
            if data[0] & 0xF0 == NOTE_ON:
                struck[key] = time_s, data[2]
    return count, heard
