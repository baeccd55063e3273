"""The model's word: its notes are handed out in time, planned anew and taken back.

Notes are planned in ticks and get their moment when they are handed out, ``horizon_ms`` before they
sound; what lies beyond may still be dropped.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Final

from live.core.clock import BeatClock
from live.core.orchestra import channel_of
from live.core.planner import Planner
from live.core.portrait import Portrait
from live.core.score import Entry, Score
from live.core.settings import Current
from live.core.speech import Given, Planned, Speech
from live.core.view import Recent
from live.events import DRUMS, TICKS_PER_BEAT
from live.messages import Action, PlayNote, TurnChanged, Yield

LEAD_S: Final = 0.005
"""A turn that would begin sooner than this begins on the next beat instead."""
REPLAN_INTERVAL_S: Final = 0.1
"""A flood of changes makes the model plan anew no more often than this."""
OVERSLEPT_S: Final = 0.5
"""Notes that should have been handed out so long ago are not played at all: the machine slept, or
the clock that leads has jumped."""


class Voice:
    """Speaks for the model: one speech at a time, or none."""

    def __init__(
        self,
        current: Current,
        clock: BeatClock,
        score: Score,
        portrait: Portrait,
        planner: Planner,
        recent: Recent,
        counters: Counter[str],
    ) -> None:
        self._current = current
        self._clock = clock
        self._score = score
        self._portrait = portrait
        self._planner = planner
        self._recent = recent
        self._counters = counters
        self.speech: Speech | None = None
        """None: the player has the word."""
        self._given: list[Given] = []
        """What sounds, or began within the last beat, in order of onset."""
        self._latest: list[Entry] = []
        """The notes of the speech before, to be taken back."""
        self._replanned_s = -math.inf
        self._replan_due_s: float | None = None
        """When it is planned anew, if that was put off."""

    # -- what turn-taking asks -------------------------------------------------------------------

    def soon_s(self, now_s: float) -> float:
        """Return the earliest moment that a speech can begin at without being late."""
        lead_s = LEAD_S + max(0.0, -self._current.now.latency_s)
        return now_s + lead_s + BeatClock.TOLERANCE_TICKS * self._clock.seconds_per_tick

    def prepared_s(self, end_s: float) -> float:
        """Return when to prepare a speech that may begin at a moment: a horizon before, or sooner.

        Of the shortest horizons nothing would be left, and it would begin a beat later.
        """
        s = self._current.now
        return end_s - s.ahead_s - max(0.0, 2 * LEAD_S - s.horizon_s)

    def has_begun(self, time_s: float) -> bool:
        """Whether any of the speech has been sent by a moment."""
        speech = self.speech
        return speech is not None and self._sounding_s(time_s) >= self._clock.time_of(
            speech.start_tick
        )

    def wake_at(self) -> float | None:
        """Return when ``play_until`` should be called next; None: no need."""
        due = (self._next_due_s(), self._replan_due_s)
        return min((due_s for due_s in due if due_s is not None), default=None)

    def planned(self) -> list[tuple[int, PlayNote]]:
        """Return what it means to play, as it would now, with the ticks of the onsets."""
        speech = self.speech
        return [(n.onset_tick, self._as_played(n)) for n in (speech.waiting if speech else ())]

    # -- speaking -------------------------------------------------------------------------------

    def begin(self, start_tick: int, end_tick: int | None, may_end_tick: int | None) -> None:
        """Start a speech, see ``Speech``; nothing is drawn before ``play_until``."""
        self.speech = self._planner.begin(start_tick, end_tick, may_end_tick)

    def play_until(self, time_s: float) -> list[Action]:
        """Draw what is missing, hand out the notes that are due, and end a speech that is over."""
        return [*self.catch_up(time_s), *self._play_on(time_s)]

    def catch_up(self, time_s: float) -> list[Action]:
        """Plan anew what was put off until now, as of the moment it was due."""
        due_s = self._replan_due_s
        if due_s is None or time_s < due_s:
            return []
        if time_s > due_s + OVERSLEPT_S:
            due_s = time_s
        actions = self._play_on(due_s)
        self.replan(due_s)
        return actions

    def _play_on(self, now_s: float) -> list[Action]:
        speech = self.speech
        if speech is None:
            return []
        due_s = self._next_due_s()
        if due_s is not None and now_s > due_s + OVERSLEPT_S:
            self._counters["overslept"] += 1
            unit = self._current.now.handover_ticks
            self._skip_to(speech, self._clock.next_multiple(self.soon_s(now_s), unit))
        notes = self._hand_out(speech, now_s)
        actions: list[Action] = []
        if notes and not speech.announced:
            speech.announced = True
            actions.append(TurnChanged(notes[0].onset_s, "model", 0))
        actions += notes
        if speech.complete and not speech.waiting and now_s >= self._over_s(speech):
            finished_s = self._finished_s(speech)
            self._score.last_sound_s = finished_s
            self._end(speech, finished_s)
            actions.append(TurnChanged(finished_s, "player", speech.count))
        return actions

    def _hand_out(self, speech: Speech, now_s: float) -> list[PlayNote]:
        """Draw what is missing and return the notes that are due to be handed out."""
        now_tick = self._clock.tick_at(now_s)
        self._given = [
            given
            for given in self._given
            if given.release_s > now_s or given.onset_tick > now_tick - TICKS_PER_BEAT
        ]
        handed_out: list[PlayNote] = []
        while True:
            # One note beyond the horizon is always planned: it tells when to wake up next.
            while not speech.complete and (
                not speech.notes
                or speech.notes[-1].committed  # also one that is early by a horizon made shorter
                or self._due_s(speech.notes[-1]) <= now_s
            ):
                self._planner.add_note(speech, self._given)
            due = next((n for n in speech.waiting if self._due_s(n) <= now_s), None)
            if due is None:
                break
            note = self._as_played(due)
            if self._is_crowded(note.onset_s):
                self._revise(speech, now_s)
                continue
            due.committed = True
            handed_out.append(note)
            self._given.append(Given(due.onset_tick, note.onset_s, note.release_s))
            speech.last_release_s = max(speech.last_release_s, note.release_s)
            self._recent.given(due.onset_tick, note)
        speech.notes = [n for n in speech.notes if not n.committed or n.end_tick > now_tick]
        return handed_out

    def _is_crowded(self, onset_s: float) -> bool:
        """Whether the tempo has changed so that what sounds is in the way of a planned note.

        What overlaps by less than half a tick does not count: a pulse that is led by another clock
        always moves a little.
        """
        voices = self._current.now.voices
        after_s = onset_s + 0.5 * self._clock.seconds_per_tick
        return 0 < voices <= sum(given.release_s > after_s for given in self._given)

    def _as_played(self, planned: Planned) -> PlayNote:
        """Return a note as it would be handed out now."""
        s, note = self._current.now, planned.entry.note
        instrument = s.instrument if note.instrument is None else note.instrument
        length_ticks = planned.end_tick - planned.onset_tick
        return PlayNote(
            self._clock.time_of(planned.onset_tick),
            self._clock.time_of(planned.end_tick),
            channel_of(s, instrument),
            note.pitch,
            self._portrait.velocity(s) if note.velocity is None else note.velocity,
            s.pedal_out and instrument != DRUMS and length_ticks >= TICKS_PER_BEAT,
        )

    # -- another plan ---------------------------------------------------------------------------

    def replan(self, time_s: float) -> None:
        """Drop what was not handed out; what follows is drawn anew, beyond the horizon."""
        if self.speech is not None:
            self._counters["plans anew"] += 1
            self._revise(self.speech, time_s)
        self._replanned_s, self._replan_due_s = time_s, None

    def replan_soon(self, time_s: float) -> None:
        """Plan anew, once for all changes that come within ``REPLAN_INTERVAL_S``."""
        if time_s >= self._replanned_s + REPLAN_INTERVAL_S:
            self.replan(time_s)
        elif self._replan_due_s is None:
            self._replan_due_s = self._replanned_s + REPLAN_INTERVAL_S

    def rebound(self, now_s: float, end_tick: int | None, may_end_tick: int | None) -> None:
        """Let the speech end elsewhere, see ``Speech``; what is planned is kept where it may be."""
        speech = self.speech
        if speech is None:
            return
        speech.end_tick, speech.may_end_tick = end_tick, may_end_tick
        beyond = [n for n in speech.notes if end_tick is not None and n.onset_tick >= end_tick]
        if speech.complete or any(not n.committed for n in beyond):
            self._revise(speech, now_s)

    def _revise(self, speech: Speech, now_s: float) -> None:
        """Plan anew beyond the horizon; a speech that has yet to begin begins where it was to."""
        ahead_s = self._current.now.ahead_s
        start_s = self._clock.time_of(speech.start_tick)
        begun = any(n.committed and n.onset_tick >= speech.start_tick for n in speech.notes)
        begins = not begun and now_s < start_s - ahead_s
        self._planner.revise(speech, begins=begins)
        speech.complete = False
        earliest = math.floor(self._clock.tick_at(now_s + ahead_s)) + 1
        speech.earliest_tick = max(speech.start_tick, earliest)

    def _skip_to(self, speech: Speech, tick: int) -> None:
        """Go on from a tick: what was planned before and not handed out never sounds."""
        speech.start_tick, speech.earliest_tick = tick, None
        self._planner.revise(speech, begins=True)
        speech.complete = speech.end_tick is not None and tick >= speech.end_tick

    # -- silence --------------------------------------------------------------------------------

    def interrupt(self, time_s: float, *, forget: bool = False) -> list[Action]:
        """End the speech: notes that have not begun are dropped, those that sound end now.

        Args:
            time_s: the moment.
            forget: take the notes that were heard out of the score as well.
        """
        speech = self.speech
        if speech is None:
            return []
        if self.has_begun(time_s):
            self._score.last_sound_s = time_s
        sounding_s = self._sounding_s(time_s)
        self._end(speech, sounding_s)
        if forget:
            self.forget_latest()
        self._recent.stopped(sounding_s)
        actions: list[Action] = [Yield(sounding_s)]
        if speech.announced:
            actions.append(TurnChanged(time_s, "player", speech.count))
        return actions

    def forget_latest(self) -> None:
        """Take the notes of the latest speech out of the score."""
        self._score.remove(self._latest)
        self._latest = []

    def _end(self, speech: Speech, time_s: float) -> None:
        self.speech = None
        tick = self._clock.tick_at(time_s)
        self._planner.drop(speech, [n for n in speech.notes if n.onset_tick > tick])
        self._given = [given for given in self._given if given.onset_s <= time_s]
        for given in self._given:
            given.release_s = min(given.release_s, time_s)
        self._latest = speech.entries
        for planned in speech.notes:
            if tick < planned.end_tick:
                length = max(1, round(tick - planned.onset_tick))
                planned.entry.note = replace(planned.entry.note, duration_ticks=length)

    def _sounding_s(self, time_s: float) -> float:
        """Return how far the music has been sent by a moment: it is sent ``latency_ms`` later."""
        return time_s - self._current.now.latency_s

    # -- moments --------------------------------------------------------------------------------

    def _due_s(self, planned: Planned) -> float:
        """Return when a note is to be handed out."""
        return self._clock.time_of(planned.onset_tick) - self._current.now.ahead_s

    def _next_due_s(self) -> float | None:
        """Return when there is something to be done next; None: there is no speech."""
        speech = self.speech
        if speech is None:
            return None
        waiting = speech.waiting
        if waiting:
            return min(self._due_s(n) for n in waiting)
        if speech.complete:
            return self._over_s(speech)
        if speech.earliest_tick is None:
            return self._clock.time_of(speech.start_tick)
        # It is to be planned anew: the next note is due then at the earliest.
        return self._clock.time_of(speech.earliest_tick) - self._current.now.ahead_s

    def _finished_s(self, speech: Speech) -> float:
        """Return when a speech that is complete has sounded to its end."""
        return max(self._clock.time_of(speech.last_tick), speech.last_release_s)

    def _over_s(self, speech: Speech) -> float:
        """Return when that end has been sent: until then the player may cut it short."""
        return self._finished_s(speech) + max(0.0, self._current.now.latency_s)
