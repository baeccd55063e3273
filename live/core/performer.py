"""The pure core's front: messages and moments go in, what is to be done comes out.

It puts the parts together and gives each what is for it. Whose word it is, is for
``live.core.turn_taking`` to say; what the model plays then, for ``live.core.voice``; where the beat
is, for ``live.core.timekeeper``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from live.core.clock import BeatClock
from live.core.controls import Command, Controls, Refused, Wanted
from live.core.hearing import Hearing
from live.core.keys import key_name
from live.core.memory import Memory
from live.core.midi_clock import CLOCK_MESSAGES, Transport
from live.core.orchestra import Programs
from live.core.planner import Planner
from live.core.portrait import Portrait
from live.core.score import Score
from live.core.settings import KEEP_THE_PLAN, REPLAN_SOON, Current, PerformerSettings
from live.core.timekeeper import Timekeeper, TimeNews
from live.core.turn_taking import TurnTaking
from live.core.view import Recent, View, Who, make_view, planned_notes
from live.core.voice import Voice
from live.events import Tokens
from live.messages import Action, Changed, LinkState, Marked, ModelWanted, Pulse, Said, Yield
from live.prediction import Network


class Performer:
    """The pure core. Times given to it must not run backwards."""

    def __init__(self, settings: PerformerSettings, network: Network) -> None:
        self._current = Current(settings)
        self.clock = BeatClock(settings.bpm, settings.beats_per_bar)
        self._controls = Controls(settings.controls)
        self._score = Score(settings.seed_window)
        self._memory = Memory(network)
        self.counters: Counter[str] = Counter()
        """What was counted since the start, to be shown."""
        self._portrait = Portrait()
        self._recent = Recent(self.counters)
        self._programs = Programs()
        self._time = Timekeeper(self._current, self.clock)
        self._hearing = Hearing(self._current, self.clock, self._score, self._portrait)
        planner = Planner(
            self._current, self.clock, self._score, self._memory, self._portrait, self.counters
        )
        self._voice = Voice(
            self._current,
            self.clock,
            self._score,
            self._portrait,
            planner,
            self._recent,
            self.counters,
        )
        self._turns = TurnTaking(
            self._current,
            self.clock,
            self._time,
            self._score,
            self._hearing,
            planner,
            self._voice,
        )
        self._refused: str | None = None
        """The setting whose change by a control was refused last."""

    def successor(self) -> Performer:
        """Return a core with the settings that hold now and without a memory, for a new take."""
        return Performer(self.settings, self._memory.network)

    @property
    def settings(self) -> PerformerSettings:
        """The settings that hold now."""
        return self._current.now

    # -- what happens ---------------------------------------------------------------------------

    def hear(self, time_s: float, data: bytes | LinkState) -> list[Action]:
        """Take a whole channel message of the player's, or what a clock says.

        Returns:
            What follows from it at once.
        """
        if isinstance(data, LinkState):
            caught_up = self._voice.play_until(time_s)
            return caught_up + self._keep_time(self._time.hear_link(time_s, data))
        if data[0] in CLOCK_MESSAGES:
            caught_up = self._voice.play_until(time_s)
            return caught_up + self._keep_time(self._time.hear_midi(time_s, data))
        if self._controls.consumes(data):
            return self._control(time_s, data)
        event, touched = self._hearing.take(time_s, data)
        if event.began is not None:
            self._recent.heard(event.began)
            self._programs.player_on(event.began.channel)
        return self._turns.hear(time_s, event, touched=touched)

    def _keep_time(self, news: list[TimeNews]) -> list[Action]:
        """Do what follows from the clock's running, going on and stopping; pass the rest on."""
        actions: list[Action] = []
        for each in news:
            actions += self._turns.follow(each) if isinstance(each, Transport) else [each]
        return actions

    def _control(self, time_s: float, data: bytes) -> list[Action]:
        """Do what a control of the instrument asks for."""
        asked = self._controls.ask(data, lambda name: getattr(self.settings, name))
        if asked is None:
            return []
        if isinstance(asked, Refused):
            return [Said(time_s, asked.line)]
        if not isinstance(asked, Wanted):
            return self.command(time_s, asked)
        if asked.name == "model":
            return [ModelWanted(time_s, asked.value)] if asked.value != self.settings.model else []
        actions = self.change(time_s, **{asked.name: asked.value})
        said = [action for action in actions if isinstance(action, Said)]
        again = self._refused == asked.name
        self._refused = asked.name if said else None
        # A knob that is turned on and on is refused in one line.
        return [action for action in actions if action not in said] if again else actions

    def command(self, time_s: float, name: Command) -> list[Action]:
        """Do what the user asks for by a pedal, a pad or a button."""
        if name == "keep":
            return [Marked(time_s, "keep")]
        if name == "tap":
            bpm = self._time.tap(time_s)
            return [] if bpm is None else self.change(time_s, bpm=bpm)
        if name == "panic":
            self._programs.forget()
            # midi_io has ended everything; what it was handed since then is taken back.
            return [*self._turns.fall_silent(time_s), Yield(time_s)]
        return self._turns.command(time_s, name)

    def change(self, time_s: float, **changes: Any) -> list[Action]:
        """Let other values of settings hold from a moment on; they have been checked before.

        What was handed out already sounds as it was; what was only planned is planned anew, where
        the change has to do with it. Nothing happens where all values hold already.
        """
        changes = {n: value for n, value in changes.items() if getattr(self.settings, n) != value}
        if not changes:
            return []
        actions = self._voice.play_until(time_s)
        changed = replace(self.settings, **changes)
        conflict = changed.conflict()
        if conflict is not None:
            return [*actions, Said(time_s, conflict)]
        before, self._current.now = self.settings.mode, changed
        actions += self._keep_time(self._time.change(time_s, changes))
        if "mode" in changes:
            actions += self._turns.change_mode(time_s, before)
        heard_in = changes.keys() - KEEP_THE_PLAN
        if heard_in - REPLAN_SOON:
            self._voice.replan(time_s)
        elif heard_in:
            self._voice.replan_soon(time_s)
        return [*actions, *(Changed(time_s, name, value) for name, value in changes.items())]

    def change_model(self, time_s: float, model: str, memory: Memory) -> list[Action]:
        """Let another network play from a moment on: what was handed out sounds on to its end.

        Args:
            time_s: the moment.
            model: its name, to be told.
            memory: the network's; what of ``window`` it has read already need not be read now.
        """
        actions = self._voice.play_until(time_s)
        self._current.now = replace(self.settings, model=model)
        self._memory.take_over(memory)
        self._memory.read_each(self._score.events())
        self._voice.replan(time_s)
        return [*actions, Changed(time_s, "model", model)]

    def window(self) -> Tokens:
        """Return what a network has to have heard before it can go on, events of shape (n, F)."""
        return self._score.events()

    # -- what is due, what is to be seen --------------------------------------------------------

    def advance(self, now_s: float) -> list[Action]:
        """Do what is due: hear what is new, take the word, plan, hand out notes, give it back."""
        news = self._keep_time(self._time.advance(now_s))
        actions = self._turns.advance(now_s)
        return [*self._programs.due(now_s, self.settings), *news, *actions]

    def wake_at(self) -> float | None:
        """Return when ``advance`` should be called next if nothing is heard; None: no need."""
        due = (self._turns.wake_at(), self._time.silent_at_s())
        return min((due_s for due_s in due if due_s is not None), default=None)

    def pulse(self) -> Pulse:
        """Return the beat, for others to follow."""
        return self._time.pulse()

    def view(self, now_s: float) -> View:
        """Return a picture of this moment for those who look on."""
        speech = self._voice.speech
        turn: Who = "model" if speech is not None and speech.announced else "player"
        notes = [*self._recent.notes(now_s), *planned_notes(self._voice.planned())]
        key = key_name(self._portrait.key)
        running = self._time.running
        return make_view(now_s, turn, self.settings, self.clock, notes, self.counters, key, running)

    # -- what is put back into a new one --------------------------------------------------------

    def begin_recall(self) -> None:
        """Until ``end_recall`` what is heard was before this core was made."""
        self._time.begin_recall()

    def end_recall(self, time_s: float) -> None:
        """From this moment on it is the present, in which the settings hold."""
        self._time.end_recall(time_s)

    def recall_note(
        self, onset_s: float, release_s: float, channel: int, pitch: int, velocity: int
    ) -> None:
        """Put back a note that the model played before this core was made."""
        self._hearing.recall_model_note(onset_s, release_s, channel, pitch, velocity)

    def recall_turn(self, turn: str) -> None:
        """Put back a change of turns: what was answered to the end is not answered again."""
        self._turns.recall(turn)

    def recall_sound(self, time_s: float) -> None:
        """Put back when anything was heard last."""
        self._score.last_sound_s = max(self._score.last_sound_s, time_s)

    def recall_beat(
        self, time_s: float, tick: float, seconds_per_tick: float, downbeat_tick: int
    ) -> None:
        """Put back where the beat was at a moment; see ``BeatMark``."""
        self._time.recall_beat(time_s, tick, seconds_per_tick, downbeat_tick)

    def recall_clock(self, position_ticks: int, *, stopped: bool) -> None:
        """Put back that the MIDI clock was started; its next message, or Continue, is there."""
        self._time.recall_clock(position_ticks, stopped=stopped)
