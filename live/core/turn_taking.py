"""Turn-taking: whose word it is, and when.

The rules, all of which live here, but for the lengths of turns (``live.core.turn_lengths``) and the
handing out of notes (``live.core.voice``):

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
from dataclasses import dataclass
from typing import Final, Literal

from live.core.clock import BeatClock
from live.core.ear import EarEvent, HeardNote
from live.core.hearing import Hearing
from live.core.midi_clock import Transport
from live.core.planner import Planner
from live.core.score import Score
from live.core.settings import Current, Mode
from live.core.timekeeper import Timekeeper
from live.core.turn_lengths import Phrase, phrase_end_s, speech_bounds
from live.core.voice import Voice
from live.messages import Action, Said

TurnCommand = Literal["your_turn", "my_turn", "again"]
UNENDING: Final = ("continue", "duet", "solo")
"""Modes in which the model goes on by itself when it was interrupted by no player."""


@dataclass(slots=True)
class Unprompted:
    """What the model is to begin without a phrase to answer."""

    piece: bool = False
    """A piece is to begin, in ``solo``."""
    interrupted: bool = False
    """The clock stopped while the model had the word, and nobody has taken it since."""
    resumed: bool = False
    """The clock goes on after that, or the core is a new one, and so is the model to."""


class TurnTaking:
    """Says when the voice begins, and when it falls silent."""

    def __init__(
        self,
        current: Current,
        clock: BeatClock,
        timekeeper: Timekeeper,
        score: Score,
        hearing: Hearing,
        planner: Planner,
        voice: Voice,
    ) -> None:
        self._current = current
        self._clock = clock
        self._time = timekeeper
        self._score = score
        self._hearing = hearing
        self._planner = planner
        self._voice = voice
        self._phrase: Phrase | None = None
        """What is to be answered; None: the player has said nothing since the model began."""
        self._answered: Phrase | None = None
        """The phrase of the latest answer, for another one."""
        self._unprompted = Unprompted(piece=current.now.mode == "solo")

    # -- time passes ----------------------------------------------------------------------------

    def advance(self, now_s: float) -> list[Action]:
        """Do what is due: hear what is new, take the word, plan, hand out notes, give it back."""
        caught_up = self._voice.catch_up(now_s)
        if self._voice.speech is None:
            self._planner.read()
            due_s = self._due_s()
            if due_s is not None and now_s >= due_s:
                phrase = self._phrase or self._phrase_at(self._now_tick(now_s), now_s)
                at_once = self._unprompted.resumed or self._phrase is None
                at_once |= self._current.now.mode == "duet"
                end_s = now_s if at_once else self._phrase_end_s(phrase)
                self._begin(phrase, max(end_s, self._voice.soon_s(now_s)))
        return caught_up + self._voice.play_until(now_s)

    def wake_at(self) -> float | None:
        """Return when ``advance`` should be called next if nothing happens; None: no need."""
        begin_s = self._due_s() if self._voice.speech is None else None
        due = (begin_s, self._voice.wake_at())
        return min((due_s for due_s in due if due_s is not None), default=None)

    def _due_s(self) -> float | None:
        """Return when to prepare the model's turn: a horizon before the phrase is over."""
        s = self._current.now
        if not self._time.running or s.mode == "listen":
            return None
        if self._unprompted.resumed or (self._unprompted.piece and self._phrase is None):
            return -math.inf
        if self._phrase is None or (s.mode == "solo" and not self._unprompted.piece):
            return None
        if s.mode == "duet":
            return self._phrase.last_touch_s
        if self._hearing.keys_down or (s.mode != "solo" and s.phrase_end == "trigger"):
            return None
        return self._voice.prepared_s(self._phrase_end_s(self._phrase))

    def _begin(self, phrase: Phrase, earliest_s: float) -> None:
        """Let the model speak from the first place for it at or after a moment."""
        s = self._current.now
        begins_alone = s.mode == "solo" or (self._phrase is None and self._unprompted.resumed)
        if s.mode == "solo" and not self._unprompted.resumed:
            self._score.clear()
            if earliest_s - self._score.last_sound_s > self._clock.seconds_per_bar:
                self._time.start_bar(earliest_s)  # nobody has the present bars in his ears
        self._hearing.settle_held_notes(earliest_s, self._planner.guess_duration)
        self._planner.read()
        self._unprompted = Unprompted()
        self._phrase, self._answered = None, phrase
        unit = self._clock.bar_length_ticks if begins_alone else s.handover_ticks
        start = self._clock.next_multiple(earliest_s, unit)
        self._voice.begin(start, *speech_bounds(phrase, start, s, self._clock))

    # -- the player plays -----------------------------------------------------------------------

    def hear(self, time_s: float, event: EarEvent, *, touched: bool) -> list[Action]:
        """Take what a message of the player's has changed, and whether he touched a key."""
        duet = self._current.now.mode == "duet"
        # What was due before this note is handed out first: how often the core was asked before
        # must not matter.
        play_on = duet and (touched or event.ended)
        actions = self._voice.play_until(time_s) if play_on else self._voice.catch_up(time_s)
        for note in event.ended:
            self._hearing.note_ended(note)
        if event.began is not None:
            if not duet:
                self._unprompted.resumed = False
                actions += self._take_the_word(time_s)
            self._note_began(event.began)
            if duet:
                self._voice.replan(time_s)
        if self._phrase is not None and touched:
            self._touch(self._phrase, time_s)
        return actions

    def _note_began(self, heard: HeardNote) -> None:
        if self._voice.speech is None and self._hearing.breaks_silence(heard):
            self._time.start_bar(heard.onset_s)
        tick = self._hearing.note_began(heard, self._now_tick(heard.onset_s))
        if self._phrase is None or self._begins_another(self._phrase, heard):
            self._phrase = self._phrase_at(tick, heard.onset_s)

    def _phrase_at(self, tick: int, time_s: float) -> Phrase:
        return Phrase(tick, time_s, self._clock.tick_at(time_s))

    def _touch(self, phrase: Phrase, time_s: float) -> None:
        phrase.last_touch_s, phrase.last_touch_tick = time_s, self._clock.tick_at(time_s)

    def _begins_another(self, phrase: Phrase, heard: HeardNote) -> bool:
        """Whether a note is the first of another phrase, where nobody waits for ends."""
        s = self._current.now
        waits = s.mode in ("call", "continue") and self._time.running
        if waits or s.phrase_end == "trigger":
            return False
        return self._hearing.keys_down == 1 and heard.onset_s >= self._phrase_end_s(phrase)

    def _in_a_phrase(self, time_s: float) -> bool:
        """Whether the player has begun a phrase that is not over."""
        if self._phrase is None:
            return False
        by_hand = self._current.now.phrase_end == "trigger"
        held = self._hearing.keys_down > 0
        return by_hand or held or time_s < self._phrase_end_s(self._phrase)

    def _phrase_end_s(self, phrase: Phrase) -> float:
        return phrase_end_s(phrase, self._current.now, self._clock)

    def _now_tick(self, time_s: float) -> int:
        """Return the tick of a moment; while the player has the word, never before the score's."""
        tick = round(self._clock.tick_at(time_s))
        latest = self._score.last_onset_ticks
        return tick if latest is None or self._voice.speech is not None else max(tick, latest)

    def _take_the_word(self, time_s: float, *, forget: bool = False) -> list[Action]:
        """End the model's turn; ``forget`` takes back what it has said as well."""
        if self._voice.speech is not None and not self._voice.has_begun(time_s):
            self._phrase = self._answered  # the silence was not over: the phrase goes on
        return self._voice.interrupt(time_s, forget=forget)

    # -- what else is asked for -----------------------------------------------------------------

    def command(self, time_s: float, name: TurnCommand) -> list[Action]:
        """Give the word to whom the user says."""
        if name == "my_turn":
            return self.fall_silent(time_s)
        caught_up = self._voice.catch_up(time_s)
        if self._current.now.mode == "listen":
            return caught_up
        if not self._time.running:
            return [*caught_up, Said(time_s, "the clock is stopped, and so is the music")]
        if name == "again":
            return caught_up + self._again(time_s)
        if self._voice.speech is None:
            phrase = self._phrase or self._phrase_at(self._now_tick(time_s), time_s)
            if self._hearing.keys_down:
                self._touch(phrase, time_s)
            self._begin(phrase, self._voice.soon_s(time_s))
        return caught_up

    def fall_silent(self, time_s: float) -> list[Action]:
        """Let the model stop, and begin nothing by itself."""
        caught_up = self._voice.catch_up(time_s)
        self._unprompted = Unprompted()
        actions = caught_up + self._take_the_word(time_s)
        self._phrase = None
        return actions

    def _again(self, time_s: float) -> list[Action]:
        """Take the latest answer back, heard or not, and give another."""
        phrase = self._answered
        if phrase is None or self._phrase is not None:
            return []  # there is no answer, or the player has gone on from it
        actions = self._take_the_word(time_s, forget=True)
        if not actions:
            self._voice.forget_latest()
        self._begin(phrase, self._voice.soon_s(time_s))
        return actions

    def change_mode(self, time_s: float, before: Mode) -> list[Action]:
        """Let the model go on, stop or begin as in the mode that holds now."""
        mode = self._current.now.mode
        if mode in ("call", "listen", "solo"):
            self._unprompted = Unprompted()
        self._unprompted.piece = mode == "solo"
        speech = self._voice.speech
        if speech is None:
            return []
        if mode in ("listen", "solo") or (before == "duet" and self._in_a_phrase(time_s)):
            return self._take_the_word(time_s)
        if mode != "duet" and self._phrase is not None:
            self._answered, self._phrase = self._phrase, None
        assert self._answered is not None
        end_tick, may_end_tick = speech_bounds(
            self._answered, speech.start_tick, self._current.now, self._clock
        )
        if end_tick is not None and self._clock.time_of(end_tick) <= time_s:
            return self._take_the_word(time_s)
        self._voice.rebound(time_s, end_tick, may_end_tick)
        return []

    def follow(self, transport: Transport) -> list[Action]:
        """Do what follows from the running, going on and stopping of the clock that leads."""
        mode = self._current.now.mode
        if transport.kind == "stopped":
            goes_on = mode in UNENDING
            self._unprompted.interrupted = goes_on and self._voice.speech is not None
            return self._take_the_word(transport.time_s)
        if mode == "solo" and transport.kind == "started":
            actions = self._take_the_word(transport.time_s)
            self._unprompted.piece = True
            return actions
        if self._unprompted.interrupted and self._phrase is None:
            self._unprompted.interrupted, self._unprompted.resumed = False, True
        return []

    def recall(self, turn: str) -> None:
        """Put back a change of turns.

        A model that had the word goes on, and what was answered to the end is not answered again.
        """
        goes_on = self._current.now.mode in UNENDING
        self._unprompted = Unprompted(resumed=turn == "model" and goes_on)
        if turn == "player":
            self._phrase = None
