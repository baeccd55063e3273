"""Turn-taking: whose word it is, and when.

The rules, all of which live here:

- While the player has the word, each note goes into the memory as it comes.
- When no key is held and nothing was touched for ``silence_beats``, the model has the word from
  the next beat on (``handover``). Its turn is prepared ahead, so there is nothing to wait for; if
  the player goes on before the silence is over, the phrase goes on too.
- ``call``: the answer is about as long as the phrase was, in whole beats; then the word goes back.
- ``continue``: the model goes on.
- The player's first note while the model has the word takes it back at once.
- Notes are handed out ``horizon_ms`` before they sound; what lies beyond may still change.
- The pulse is the player's: the first note after a bar of silence is a downbeat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from live.core.clock import BeatClock
from live.core.drawing import Drawer, Request
from live.core.ear import Ear, HeardNote
from live.core.memory import Memory, Network
from live.core.score import Entry, Score
from live.core.settings import PerformerSettings
from live.events import TICKS_PER_BEAT, Note, encode
from live.messages import Action, PlayNote, TurnChanged, Yield

CHORD_WINDOW_S = 0.03
"""Notes struck within this time of a chord's first one belong to the chord."""
LEAD_S = 0.005
"""A turn that would begin sooner than this begins on the next beat instead."""
FOLLOWED_NOTES = 16
"""The model plays as loud as this many of the player's latest notes, on average."""


@dataclass(eq=False, slots=True)
class _Planned:
    """A note of the model's: its place in the score, and whether it was handed out."""

    entry: Entry
    onset_s: float
    release_s: float
    committed: bool = False


@dataclass(slots=True)
class _Phrase:
    """What the player has said since the model fell silent."""

    first_onset_tick: int
    last_touch_s: float


@dataclass(slots=True)
class _Answer:
    """The model's turn: notes from ``start_tick`` on, before ``end_tick`` where there is one."""

    phrase: _Phrase
    start_tick: int
    end_tick: int | None
    notes: list[_Planned] = field(default_factory=list)
    """In order of onset; those that have ended are let go."""
    count: int = 0
    """Number of notes drawn, those let go included."""
    end_s: float = -math.inf
    """When the last note so far ends."""
    complete: bool = False
    announced: bool = False


class Performer:
    """The pure core. Times given to it must not run backwards."""

    def __init__(self, settings: PerformerSettings, network: Network) -> None:
        self.settings = settings
        self.clock = BeatClock(settings.bpm, settings.beats_per_bar)
        self._ear = Ear()
        self._score = Score(settings.seed_window)
        self._memory = Memory(network)
        self._drawer = Drawer(settings, self._memory)
        self._horizon_s = settings.horizon_ms / 1000
        self._silence_s = settings.silence_beats * 60.0 / settings.bpm
        self._bar_s = self.clock.bar_length_ticks * self.clock.seconds_per_tick
        self._sounding: dict[HeardNote, Entry] = {}
        self._velocities: list[int] = []
        self._chord_s = -math.inf
        self._chord_tick = 0
        self._last_sound_s = -math.inf
        self._phrase: _Phrase | None = None
        self._answer: _Answer | None = None
        self._turns = 0

    # -- what goes in, what comes out -----------------------------------------------------------

    def hear(self, time_s: float, data: bytes) -> list[Action]:
        """Take a whole channel message of the player's; return what follows from it at once."""
        keys_before = self._ear.keys_down
        event = self._ear.hear(time_s, data)
        for note in event.ended:
            self._note_ended(note)
        actions: list[Action] = []
        if event.began is not None:
            actions = self._take_the_word(time_s)
            self._note_began(event.began)
        if self._phrase is not None and (event.began or self._ear.keys_down != keys_before):
            self._phrase.last_touch_s = time_s
        return actions

    def advance(self, now_s: float) -> list[Action]:
        """Do what is due: hear what is new, take the word, plan, hand out notes, give it back."""
        if self._answer is None:
            self._memory.read(self._score.events())
            due_s = self._turn_due_s()
            if due_s is not None and now_s >= due_s:
                self._begin_answer(now_s)
        return self._play_on(now_s) if self._answer is not None else []

    def wake_at(self) -> float | None:
        """Return when ``advance`` should be called next if nothing is heard; None: no need."""
        if self._answer is None:
            return self._turn_due_s()
        waiting = [n.onset_s for n in self._answer.notes if not n.committed]
        if waiting:
            return min(waiting) - self._horizon_s
        return self._answer.end_s

    def recall_note(self, onset_s: float, release_s: float, pitch: int) -> None:
        """Put back a note that the model played before this core was made."""
        tick = round(self.clock.tick_at(onset_s))
        self._score.add(
            Note(
                tick,
                pitch,
                self.settings.instrument,
                self._ticks_between(onset_s, release_s),
                bar_ticks=self.clock.bar_ticks(tick),
            )
        )
        self._last_sound_s = max(self._last_sound_s, release_s)

    def recall_turn(self, turn: str) -> None:
        """Put back a change of turns: what was answered to the end is not answered again."""
        if turn == "player":
            self._phrase = None

    # -- the player -----------------------------------------------------------------------------

    def _note_began(self, heard: HeardNote) -> None:
        alone = self._ear.keys_down == 1
        if alone and heard.onset_s - self._last_sound_s > self._bar_s:
            self.clock.start_bar(heard.onset_s)
        if heard.onset_s - self._chord_s > CHORD_WINDOW_S:
            self._chord_s = heard.onset_s
            latest = self._score.last_onset_ticks
            tick = round(self.clock.tick_at(heard.onset_s))
            self._chord_tick = tick if latest is None else max(tick, latest)
        self._last_sound_s = heard.onset_s
        self._velocities = [*self._velocities, heard.velocity][-FOLLOWED_NOTES:]
        note = Note(
            self._chord_tick,
            heard.pitch,
            self.settings.instrument,
            velocity=heard.velocity,
            bar_ticks=self.clock.bar_ticks(self._chord_tick),
        )
        self._sounding[heard] = self._score.add(note)
        if self._phrase is None:
            self._phrase = _Phrase(self._chord_tick, heard.onset_s)

    def _note_ended(self, heard: HeardNote) -> None:
        assert heard.release_s is not None
        entry = self._sounding.pop(heard)
        entry.note = replace(
            entry.note, duration_ticks=self._ticks_between(heard.onset_s, heard.release_s)
        )
        self._last_sound_s = max(self._last_sound_s, heard.release_s)

    def _take_the_word(self, time_s: float) -> list[Action]:
        """End the model's turn because the player plays."""
        answer = self._answer
        if answer is None:
            return []
        self._answer = None
        if time_s < self.clock.time_of(answer.start_tick):
            self._phrase = answer.phrase  # the silence was not over: the phrase goes on
        else:
            self._last_sound_s = time_s
        unsaid = [n.entry for n in answer.notes if n.onset_s > time_s]
        self._score.remove(unsaid)
        for planned in answer.notes:
            if planned.onset_s <= time_s < planned.release_s:
                ticks = self._ticks_between(planned.onset_s, time_s)
                planned.entry.note = replace(planned.entry.note, duration_ticks=ticks)
        actions: list[Action] = [Yield(time_s)]
        if answer.announced:
            actions.append(TurnChanged(time_s, "player", answer.count - len(unsaid)))
        return actions

    # -- the model ------------------------------------------------------------------------------

    def _turn_due_s(self) -> float | None:
        """Return when to prepare the model's turn: a horizon before the silence is over."""
        if self._phrase is None or self._ear.keys_down:
            return None
        return self._phrase.last_touch_s + self._silence_s - self._horizon_s

    def _begin_answer(self, now_s: float) -> None:
        phrase = self._phrase
        assert phrase is not None
        self._phrase = None
        self._turns += 1
        earliest_s = max(phrase.last_touch_s + self._silence_s, now_s + LEAD_S)
        start = self.clock.next_multiple(earliest_s, self.settings.handover_ticks)
        end = None
        if self.settings.mode == "call":
            spoken = self.clock.tick_at(phrase.last_touch_s) - phrase.first_onset_tick
            beats = max(1, math.ceil(spoken / TICKS_PER_BEAT - 0.25))
            end = start + beats * TICKS_PER_BEAT
        self._answer = _Answer(phrase, start, end)

    def _play_on(self, now_s: float) -> list[Action]:
        answer = self._answer
        assert answer is not None
        actions: list[Action] = []
        limit_s = now_s + self._horizon_s
        # One note beyond the horizon is always planned: it tells when to wake up next.
        while not answer.complete and (not answer.notes or answer.notes[-1].onset_s <= limit_s):
            self._plan_note(answer)
        if not answer.announced and answer.notes[0].onset_s <= limit_s:
            answer.announced = True
            actions.append(TurnChanged(answer.notes[0].onset_s, "model", 0))
        for planned in answer.notes:
            if not planned.committed and planned.onset_s <= limit_s:
                planned.committed = True
                actions.append(
                    PlayNote(
                        planned.onset_s,
                        planned.release_s,
                        self.settings.output_channel,
                        planned.entry.note.pitch,
                        self._velocity(),
                    )
                )
        answer.notes = [n for n in answer.notes if not n.committed or n.release_s > now_s]
        if answer.complete and now_s >= answer.end_s:
            self._answer = None
            self._last_sound_s = answer.end_s
            actions.append(TurnChanged(answer.end_s, "player", answer.count))
        return actions

    def _plan_note(self, answer: _Answer) -> None:
        """Draw the next note and add it to the plan, or find the answer complete."""
        if self._score.overfull:
            self._memory.read(self._score.events())
        previous = self._score.last_onset_ticks
        assert previous is not None
        chord = [n.entry.note for n in answer.notes if n.entry.note.onset_ticks == previous]
        note = self._drawer.draw(
            Request(
                number=(self._turns, answer.count),
                previous_tick=previous,
                chord=tuple(n.pitch for n in chord),
                onset_tick=None if answer.count else answer.start_tick,
                may_end=self._may_end(answer, previous),
            )
        )
        if note is None:
            answer.complete = True
            return
        if not answer.count:
            note = replace(note, onset_ticks=answer.start_tick)
        duration = note.duration_ticks or TICKS_PER_BEAT
        if answer.end_tick is not None:
            if note.onset_ticks >= answer.end_tick:
                answer.complete = True
                return
            # An answer that is over does not ring on for more than a beat.
            duration = min(duration, answer.end_tick + TICKS_PER_BEAT - note.onset_ticks)
        note = replace(
            note, duration_ticks=duration, bar_ticks=self.clock.bar_ticks(note.onset_ticks)
        )
        self._memory.append(encode([note], previous)[0])
        planned = _Planned(
            self._score.add(note),
            self.clock.time_of(note.onset_ticks),
            self.clock.time_of(note.onset_ticks + duration),
        )
        answer.notes.append(planned)
        answer.count += 1
        answer.end_s = max(answer.end_s, planned.release_s)

    def _may_end(self, answer: _Answer, previous_tick: int) -> bool:
        """Whether the network may end the answer: in ``call``, once half of it is said."""
        if answer.end_tick is None or not answer.count:
            return False
        return 2 * previous_tick >= answer.start_tick + answer.end_tick

    def _velocity(self) -> int:
        return round(sum(self._velocities) / len(self._velocities)) if self._velocities else 64

    def _ticks_between(self, onset_s: float, release_s: float) -> int:
        return max(1, round((release_s - onset_s) / self.clock.seconds_per_tick))
