"""Turn-taking: whose word it is, and when.

The rules, all of which live here, but for the lengths of turns, which ``live.core.turns`` tells:

- While the player has the word, each note goes into the memory as it comes.
- ``call`` and ``continue``: a phrase ends by silence (no key is held and nothing was touched for
  ``silence_beats``), at the first bar line after half a beat of it (``phrase_end = "bar"``), or by
  the command "your turn" only. The model has the word from the next beat on (``handover``). Its
  turn is prepared ahead, so there is nothing to wait for; if the player goes on before the phrase
  is over, it goes on.
- ``call``: the answer is as long as the phrase in whole beats, or some bars, or as long as the
  model likes (``answer``); then the word goes back. ``continue``: the model goes on.
- ``solo``: the model begins by itself, a piece with a beginning and an end.
- In all these the player's first note while the model has the word takes it back at once.
- ``duet``: the model joins in on the beat after the player's first note and stays. Each note of the
  player's makes it plan anew whatever was not handed out yet.
- ``listen``: it hears and does not play.
- The mode may change while anybody has the word:

  - to ``listen``: the model stops at once, and nothing is to begin any more.
  - to ``solo``: it stops, and begins a piece on the first bar line where the player is silent.
  - to ``call``, ``continue`` or ``duet``: it keeps the word for as long as the new mode would have
    given it; an answer that would be over by now stops. But who leaves a ``duet`` in the middle of
    a phrase has the word.
  - While the player has it, only what follows his phrase changes. In modes without turns that is
    his latest phrase, and if it is over, it is answered at once.
- Notes are handed out ``horizon_ms`` before they sound; what lies beyond may still change.
- The pulse is the player's: the first note after a bar of silence is a downbeat.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any, Final

from live.core.clock import BeatClock
from live.core.controls import Command, Controls, Refused, Wanted
from live.core.ear import HeardNote
from live.core.hearing import Hearing
from live.core.keys import key_name
from live.core.memory import Memory, Network
from live.core.midi_clock import CLOCK_MESSAGES, Transport
from live.core.orchestra import Programs
from live.core.portrait import Portrait
from live.core.score import Entry, Score
from live.core.settings import KEEP_THE_PLAN, REPLAN_SOON, Current, Mode, PerformerSettings
from live.core.timekeeper import Timekeeper, TimeNews
from live.core.turns import Phrase, phrase_end_s, speech_bounds
from live.core.view import Recent, View, Who, make_view
from live.core.voice import Voice
from live.events import Tokens
from live.messages import (
    Action,
    Changed,
    LinkState,
    Marked,
    ModelWanted,
    Panic,
    Pulse,
    Said,
    TurnChanged,
    Yield,
)

LEAD_S: Final = 0.005
"""A turn that would begin sooner than this begins on the next beat instead."""
REPLAN_INTERVAL_S: Final = 0.1
"""A flood of changes makes the model plan anew no more often than this."""
OVERSLEPT_S: Final = 0.5
"""Notes that should have been handed out so long ago are not played at all: the machine slept, or
the clock that leads has jumped."""


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
        self._hearing = Hearing(self._current, self.clock, self._score, self._portrait)
        self._voice = Voice(
            self._current, self.clock, self._score, self._memory, self._portrait, self.counters
        )
        self._programs = Programs()
        self._phrase: Phrase | None = None
        self._answered: Phrase | None = None
        """The phrase of the latest answer, for another one."""
        self._announced = False
        self._time = Timekeeper(self._current, self.clock)
        self._interrupted = False
        """Whether the clock stopped while the model had the word, and nobody has taken it since."""
        self._resume_wanted = False
        self._solo_wanted = settings.mode == "solo"
        self._replanned_s = -math.inf
        self._replan_due_s: float | None = None
        self._recent = Recent(self.counters)
        self._refused: str | None = None
        """The setting whose change by a control was refused last."""

    def successor(self) -> Performer:
        """Return a core with the settings that hold now and without a memory, for a new take."""
        return Performer(self.settings, self._memory.network)

    @property
    def settings(self) -> PerformerSettings:
        """The settings that hold now."""
        return self._current.now

    # -- what goes in, what comes out -----------------------------------------------------------

    def hear(self, time_s: float, data: bytes | LinkState) -> list[Action]:
        """Take a whole channel message of the player's, or what a clock says.

        Returns:
            What follows from it at once.
        """
        if isinstance(data, LinkState):
            caught_up = [*self._catch_up(time_s), *self._play_on(time_s)]
            return caught_up + self._keep_time(self._time.hear_link(time_s, data))
        if data[0] in CLOCK_MESSAGES:
            caught_up = [*self._catch_up(time_s), *self._play_on(time_s)]
            return caught_up + self._keep_time(self._time.hear_midi(time_s, data))
        if self._controls.consumes(data):
            return self._control(time_s, data)
        event, touched = self._hearing.take(time_s, data)
        duet = self.settings.mode == "duet"
        # What was due before this note is handed out first: how often the core was asked before
        # must not matter.
        actions = self._catch_up(time_s)
        actions += self._play_on(time_s) if duet and (touched or event.ended) else []
        for note in event.ended:
            self._hearing.note_ended(note)
        if event.began is not None:
            if not duet:
                actions += self._take_the_word(time_s)
            self._note_began(event.began)
            if duet:
                self._replan(time_s)
        if self._phrase is not None and touched:
            self._phrase.last_touch_s = time_s
        return actions

    def command(self, time_s: float, name: Command) -> list[Action]:
        """Do what the user asks for by a pedal, a pad or a button."""
        if name == "keep":
            return [Marked(time_s, "keep")]
        if name == "tap":
            bpm = self._time.tap(time_s)
            return [] if bpm is None else self.change(time_s, bpm=bpm)
        caught_up = self._catch_up(time_s)
        return caught_up + self._obey(time_s, name)

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

    def _obey(self, time_s: float, name: Command) -> list[Action]:
        if name == "panic":
            self._programs.forget()
            self._begin_nothing()
            return [*self._take_the_word(time_s), Panic(time_s)]
        if name == "my_turn":
            self._begin_nothing()
            actions = self._take_the_word(time_s)
            self._phrase = None
            return actions
        if self.settings.mode == "listen":
            return []
        if not self._time.running:
            return [Said(time_s, "the clock is stopped, and so is the music")]
        if name == "your_turn":
            if self._voice.speech is None:
                phrase = self._phrase or Phrase(self._now_tick(time_s), time_s)
                if self._hearing.keys_down:
                    phrase.last_touch_s = time_s
                self._begin_turn(phrase, self._soon(time_s))
            return []
        return self._again(time_s)

    def change(self, time_s: float, **changes: Any) -> list[Action]:
        """Let other values of settings hold from a moment on; they have been checked before.

        What was handed out already sounds as it was; what was only planned is planned anew, where
        the change has to do with it. Nothing happens where all values hold already.
        """
        changes = {n: value for n, value in changes.items() if getattr(self.settings, n) != value}
        if not changes:
            return []
        actions = [*self._catch_up(time_s), *self._play_on(time_s)]
        changed = replace(self.settings, **changes)
        conflict = changed.conflict()
        if conflict is not None:
            return [*actions, Said(time_s, conflict)]
        before, self._current.now = self.settings.mode, changed
        actions += self._keep_time(self._time.change(time_s, changes))
        if "mode" in changes:
            actions += self._change_mode(time_s, before)
        heard_in = changes.keys() - KEEP_THE_PLAN
        if heard_in - REPLAN_SOON or time_s >= self._replanned_s + REPLAN_INTERVAL_S:
            if heard_in:
                self._replan(time_s)
        elif heard_in and self._replan_due_s is None:
            self._replan_due_s = self._replanned_s + REPLAN_INTERVAL_S
        return [*actions, *(Changed(time_s, name, value) for name, value in changes.items())]

    def _change_mode(self, time_s: float, before: Mode) -> list[Action]:
        """Let the model go on, stop or begin as in the mode that holds now."""
        mode = self.settings.mode
        if mode in ("call", "listen", "solo"):
            self._begin_nothing()
        self._solo_wanted = mode == "solo"
        speech = self._voice.speech
        if speech is None:
            return []
        if mode in ("listen", "solo") or (before == "duet" and self._in_a_phrase(time_s)):
            return self._take_the_word(time_s)
        if mode != "duet" and self._phrase is not None:
            self._answered, self._phrase = self._phrase, None
        assert self._answered is not None
        end_tick, may_end_tick = speech_bounds(
            self._answered, speech.start_tick, self.settings, self.clock
        )
        if end_tick is not None and self.clock.time_of(end_tick) <= time_s:
            return self._take_the_word(time_s)
        self._voice.rebound(time_s, end_tick, may_end_tick)
        return []

    def change_model(self, time_s: float, model: str, memory: Memory) -> list[Action]:
        """Let another network play from a moment on: what was handed out sounds on to its end.

        Args:
            time_s: the moment.
            model: its name, to be told.
            memory: the network's; what of ``window`` it has read already need not be read now.
        """
        actions = [*self._catch_up(time_s), *self._play_on(time_s)]
        self._current.now = replace(self.settings, model=model)
        self._memory.take_over(memory)
        self._memory.read_each(self._score.events())
        self._replan(time_s)
        return [*actions, Changed(time_s, "model", model)]

    def window(self) -> Tokens:
        """Return what a network has to have heard before it can go on, events of shape (n, F)."""
        return self._score.events()

    def advance(self, now_s: float) -> list[Action]:
        """Do what is due: hear what is new, take the word, plan, hand out notes, give it back."""
        caught_up = [*self._keep_time(self._time.advance(now_s)), *self._catch_up(now_s)]
        if self._voice.speech is None:
            self._memory.read(self._score.events())
            due_s = self._turn_due_s()
            if due_s is not None and now_s >= due_s:
                phrase = self._phrase or Phrase(self._now_tick(now_s), now_s)
                at_once = self._resume_wanted or self._phrase is None
                at_once |= self.settings.mode == "duet"
                end_s = now_s if at_once else self._phrase_end_s(phrase)
                self._begin_turn(phrase, max(end_s, self._soon(now_s)))
        programs = self._programs.due(now_s, self.settings)
        return [*programs, *caught_up, *self._play_on(now_s)]

    def wake_at(self) -> float | None:
        """Return when ``advance`` should be called next if nothing is heard; None: no need."""
        wake_s = self._turn_due_s() if self._voice.speech is None else self._voice.wake_s()
        due = (wake_s, self._replan_due_s, self._time.silent_at_s())
        return min((due_s for due_s in due if due_s is not None), default=None)

    def pulse(self) -> Pulse:
        """Return the beat, for others to follow."""
        return self._time.pulse()

    def view(self, now_s: float) -> View:
        """Return a picture of this moment for those who look on."""
        turn: Who = "model" if self._voice.speech is not None and self._announced else "player"
        notes = [*self._recent.notes(now_s), *self._recent.planned(self._voice)]
        key = key_name(self._portrait.key)
        running = self._time.running
        return make_view(now_s, turn, self.settings, self.clock, notes, self.counters, key, running)

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
        self._solo_wanted = self._resume_wanted = False
        if turn == "player":
            self._phrase = None

    def recall_sound(self, time_s: float) -> None:
        """Put back when anything was heard last."""
        self._hearing.last_sound_s = max(self._hearing.last_sound_s, time_s)

    def recall_beat(
        self, time_s: float, tick: float, seconds_per_tick: float, downbeat_tick: int
    ) -> None:
        """Put back where the beat was at a moment; see ``BeatMark``."""
        self._time.recall_beat(time_s, tick, seconds_per_tick, downbeat_tick)

    def recall_clock(self, position_ticks: int, *, stopped: bool) -> None:
        """Put back that the MIDI clock was started; its next message, or Continue, is there."""
        self._time.recall_clock(position_ticks, stopped=stopped)

    # -- the player -----------------------------------------------------------------------------

    def _note_began(self, heard: HeardNote) -> None:
        if self._voice.speech is None and self._hearing.breaks_silence(heard):
            self._time.start_bar(heard.onset_s)
        tick = self._hearing.note_began(heard, self._now_tick(heard.onset_s))
        self._recent.heard(heard)
        self._programs.player_on(heard.channel)
        if self._phrase is None or self._begins_another(self._phrase, heard):
            self._phrase = Phrase(tick, heard.onset_s)

    def _begins_another(self, phrase: Phrase, heard: HeardNote) -> bool:
        """Whether a note is the first of another phrase, in a mode where nobody waits for ends."""
        if self.settings.mode in ("call", "continue") or self.settings.phrase_end == "trigger":
            return False
        return self._hearing.keys_down == 1 and heard.onset_s >= self._phrase_end_s(phrase)

    def _in_a_phrase(self, time_s: float) -> bool:
        """Whether the player has begun a phrase that is not over."""
        if self._phrase is None:
            return False
        by_hand = self.settings.phrase_end == "trigger"
        held = self._hearing.keys_down > 0
        return by_hand or held or time_s < self._phrase_end_s(self._phrase)

    def _take_the_word(self, time_s: float, *, forget: bool = False) -> list[Action]:
        """End the model's turn; ``forget`` takes back what it has said as well."""
        speech = self._voice.speech
        if speech is None:
            return []
        # What was sent until now sounds until then: for the model's notes that moment counts.
        sounding_s = time_s - self.settings.latency_s
        if sounding_s < self.clock.time_of(speech.start_tick):
            self._phrase = self._answered  # the silence was not over: the phrase goes on
        else:
            self._hearing.last_sound_s = time_s
        said = self._voice.stop(sounding_s, forget=forget)
        self._recent.stopped(sounding_s)
        actions: list[Action] = [Yield(sounding_s)]
        if self._announced:
            actions.append(TurnChanged(time_s, "player", said))
        return actions

    # -- the model ------------------------------------------------------------------------------

    def _turn_due_s(self) -> float | None:
        """Return when to prepare the model's turn: a horizon before the phrase is over."""
        mode = self.settings.mode
        if not self._time.running or mode == "listen":
            return None
        if self._resume_wanted or (self._solo_wanted and self._phrase is None):
            return -math.inf
        if self._phrase is None or (mode == "solo" and not self._solo_wanted):
            return None
        if mode == "duet":
            return self._phrase.last_touch_s
        if self._hearing.keys_down or (mode != "solo" and self.settings.phrase_end == "trigger"):
            return None
        return self._phrase_end_s(self._phrase) - self.settings.ahead_s

    def _phrase_end_s(self, phrase: Phrase) -> float:
        return phrase_end_s(phrase, self.settings, self.clock)

    def _begin_turn(self, phrase: Phrase, earliest_s: float) -> None:
        """Let the model speak from the first place for it at or after a moment."""
        s = self.settings
        begins_alone = s.mode == "solo" or self._resume_wanted
        if s.mode == "solo" and not self._resume_wanted:
            self._score.clear()
            if earliest_s - self._hearing.last_sound_s > self.clock.seconds_per_bar:
                self._time.start_bar(earliest_s)  # nobody has the present bars in his ears
        self._hearing.settle_held_notes(earliest_s, self._guess_duration)
        self._memory.read(self._score.events())
        self._begin_nothing()
        self._phrase = None
        self._answered = phrase
        self._announced = False
        unit = self.clock.bar_length_ticks if begins_alone else s.handover_ticks
        start = self.clock.next_multiple(earliest_s, unit)
        self._voice.begin(start, *speech_bounds(phrase, start, s, self.clock))

    def _begin_nothing(self) -> None:
        """Let nothing begin by itself that was to: a piece, or what the clock has interrupted."""
        self._interrupted = self._resume_wanted = self._solo_wanted = False

    def _guess_duration(self, entry: Entry, least_ticks: int, number: int) -> int:
        """Return how long a held note may become: the model goes on from whole notes."""
        self._memory.read(self._score.events())  # with what was guessed of the others
        return self._voice.guess_duration(entry, least_ticks, number)

    def _keep_time(self, news: list[TimeNews]) -> list[Action]:
        """Do what follows from the clock's running, going on and stopping; pass the rest on."""
        actions: list[Action] = []
        for each in news:
            if not isinstance(each, Transport):
                actions.append(each)
            elif each.kind == "stopped":
                alone = self.settings.mode in ("continue", "duet", "solo")
                self._interrupted = alone and self._voice.speech is not None
                actions += self._take_the_word(each.time_s)
            elif self.settings.mode == "solo" and each.kind == "started":
                actions += self._take_the_word(each.time_s)
                self._solo_wanted = True
            elif self._interrupted and self._phrase is None:
                self._interrupted, self._resume_wanted = False, True
        return actions

    def _again(self, time_s: float) -> list[Action]:
        """Take the latest answer back, heard or not, and give another."""
        phrase = self._answered
        if phrase is None or self._phrase is not None:
            return []  # there is no answer, or the player has gone on from it
        actions = self._take_the_word(time_s, forget=True)
        if not actions:
            self._voice.forget_latest()
        self._begin_turn(phrase, self._soon(time_s))
        return actions

    def _play_on(self, now_s: float) -> list[Action]:
        wake_s = self._voice.wake_s()
        if wake_s is not None and now_s > wake_s + OVERSLEPT_S:
            self.counters["overslept"] += 1
            soon_s = self._soon(now_s)
            self._voice.skip_to(self.clock.next_multiple(soon_s, self.settings.handover_ticks))
        notes = self._voice.plan(now_s)
        actions: list[Action] = []
        if notes and not self._announced:
            self._announced = True
            actions.append(TurnChanged(notes[0].onset_s, "model", 0))
        actions += notes
        self._recent.given((round(self.clock.tick_at(n.onset_s)), n) for n in notes)
        finished_s = self._voice.finished_s()
        if finished_s is not None and now_s >= finished_s:
            said = self._voice.stop(finished_s)
            self._hearing.last_sound_s = finished_s
            actions.append(TurnChanged(finished_s, "player", said))
        return actions

    def _replan(self, time_s: float) -> None:
        """Let the model plan anew what it has not handed out."""
        if self._voice.speech is not None:
            self.counters["plans anew"] += 1
        self._voice.replan(time_s)
        self._replanned_s, self._replan_due_s = time_s, None

    def _catch_up(self, time_s: float) -> list[Action]:
        """Do what was put off until now, as of the moment it was due."""
        due_s = self._replan_due_s
        if due_s is None or time_s < due_s:
            return []
        actions = self._play_on(due_s)
        self._replan(due_s)
        return actions

    def _soon(self, now_s: float) -> float:
        """Return the earliest moment that a turn can begin at without being late."""
        lead_s = LEAD_S + max(0.0, -self.settings.latency_s)
        return now_s + lead_s + BeatClock.TOLERANCE_TICKS * self.clock.seconds_per_tick

    def _now_tick(self, time_s: float) -> int:
        """Return the tick of a moment; while the player has the word, never before the score's."""
        tick = round(self.clock.tick_at(time_s))
        latest = self._score.last_onset_ticks
        return tick if latest is None or self._voice.speech is not None else max(tick, latest)
