"""The model's side of the music: what it plans, hands out and takes back.

Notes are planned in ticks and get their moment when they are handed out, ``horizon_ms`` before they
sound; what lies beyond may still be dropped.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from live.core.bounds import Own
from live.core.clock import BeatClock
from live.core.drawing import Drawer, Request
from live.core.guard import excess
from live.core.memory import Memory
from live.core.orchestra import channel_of
from live.core.portrait import Portrait
from live.core.score import Entry, Score
from live.core.settings import Current
from live.core.speech import Given, Planned, Speech
from live.events import DRUMS, TICKS_PER_BEAT, encode
from live.messages import PlayNote


class Voice:
    """Plans with the network and keeps the score's side of it."""

    def __init__(
        self,
        current: Current,
        clock: BeatClock,
        score: Score,
        memory: Memory,
        portrait: Portrait,
        counters: Counter[str],
    ) -> None:
        self._current = current
        self._clock = clock
        self._score = score
        self._memory = memory
        self._portrait = portrait
        self._counters = counters
        self._drawer = Drawer(current, memory, portrait)
        self._given: list[Given] = []
        """What sounds, or began within the last beat, in order of onset."""
        self._speeches = 0
        self.speech: Speech | None = None
        self._latest: list[Entry] = []

    def begin(self, start_tick: int, end_tick: int | None, may_end_tick: int | None) -> None:
        """Start a speech; nothing is drawn before ``plan``."""
        self._speeches += 1
        self.speech = Speech(start_tick, end_tick, may_end_tick, self._speeches)
        self.speech.last_tick = start_tick

    def plan(self, now_s: float) -> list[PlayNote]:
        """Draw what is missing and return the notes that are due to be handed out."""
        speech = self.speech
        if speech is None:
            return []
        beat_s = self._clock.seconds_per_beat
        self._given = [
            given
            for given in self._given
            if given.release_s > now_s or given.onset_s > now_s - 2 * beat_s
        ]
        handed_out: list[PlayNote] = []
        while True:
            # One note beyond the horizon is always planned: it tells when to wake up next.
            while not speech.complete and (
                not speech.notes
                or speech.notes[-1].committed  # also one that is early by a horizon made shorter
                or self._due_s(speech.notes[-1]) <= now_s
            ):
                self._plan_note(speech)
            waiting = [n for n in speech.notes if not n.committed]
            due = next((n for n in waiting if self._due_s(n) <= now_s), None)
            if due is None:
                break
            note = self.as_played(due)
            if self._is_crowded(note.onset_s):
                self.replan(now_s)
                continue
            due.committed = True
            handed_out.append(note)
            self._given.append(Given(due.onset_tick, note.onset_s, note.release_s))
        now_tick = self._clock.tick_at(now_s)
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

    def as_played(self, planned: Planned) -> PlayNote:
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

    def replan(self, now_s: float) -> None:
        """Drop what was not handed out; what follows is drawn anew, beyond the horizon."""
        speech = self.speech
        if speech is None:
            return
        dropped = [n for n in speech.notes if not n.committed]
        self._drop(speech, dropped)
        speech.complete = False
        self._begin_revision(speech, begins=False)
        earliest = self._clock.tick_at(now_s + self._current.now.ahead_s)
        speech.earliest_tick = max(speech.start_tick, math.floor(earliest) + 1)
        self._memory.read(self._score.events())

    def rebound(self, now_s: float, end_tick: int | None, may_end_tick: int | None) -> None:
        """Let the speech end elsewhere, see ``Speech``; what is planned is kept where it may be."""
        speech = self.speech
        if speech is None:
            return
        speech.end_tick, speech.may_end_tick = end_tick, may_end_tick
        beyond = [n for n in speech.notes if end_tick is not None and n.onset_tick >= end_tick]
        if speech.complete or any(not n.committed for n in beyond):
            self.replan(now_s)

    def skip_to(self, tick: int) -> None:
        """Go on from a tick: what was planned before and not handed out never sounds."""
        speech = self.speech
        if speech is None:
            return
        speech.start_tick, speech.earliest_tick = tick, None
        self._drop(speech, [n for n in speech.notes if not n.committed])
        self._begin_revision(speech, begins=True)
        speech.complete = speech.end_tick is not None and tick >= speech.end_tick
        self._memory.read(self._score.events())

    def _begin_revision(self, speech: Speech, *, begins: bool) -> None:
        speech.revision += 1
        speech.drawn = 0
        speech.begins = begins

    def stop(self, time_s: float, *, forget: bool = False) -> int:
        """End the speech: notes that have not begun are dropped, those that sound end now.

        Args:
            time_s: the moment.
            forget: take the notes that were heard out of the score as well.

        Returns:
            How many notes were heard.
        """
        speech = self.speech
        if speech is None:
            return 0
        self.speech = None
        tick = self._clock.tick_at(time_s)
        self._drop(speech, [n for n in speech.notes if n.onset_tick > tick])
        self._given = [given for given in self._given if given.onset_s <= time_s]
        for given in self._given:
            given.release_s = min(given.release_s, time_s)
        self._latest = speech.entries
        for planned in speech.notes:
            if tick < planned.end_tick:
                length = max(1, round(tick - planned.onset_tick))
                planned.entry.note = replace(planned.entry.note, duration_ticks=length)
        if forget:
            self.forget_latest()
        return speech.count

    def forget_latest(self) -> None:
        """Take the notes of the latest speech out of the score."""
        self._score.remove(self._latest)
        self._latest = []

    def guess_duration(self, entry: Entry, least_ticks: int, number: int) -> int:
        """Return how long a note that is still held may become, in ticks.

        Drawn as the network would have it, given that it is at least as long as it was held.
        ``number`` tells several notes of one moment apart.
        """
        position = self._score.position(entry)
        if not position:  # nothing stands before it that the network could go on from
            return least_ticks
        draw = (self._speeches, -1 - number)
        return self._drawer.draw_duration(position, least_ticks, draw)

    def wake_s(self) -> float | None:
        """Return when ``plan`` should be called next; None: there is no speech."""
        speech = self.speech
        if speech is None:
            return None
        waiting = [self._due_s(n) for n in speech.notes if not n.committed]
        if waiting:
            return min(waiting)
        if speech.complete or speech.earliest_tick is None:
            return self._clock.time_of(speech.last_tick)
        # It is to be planned anew: the next note is due then at the earliest.
        return self._clock.time_of(speech.earliest_tick) - self._current.now.ahead_s

    def finished_s(self) -> float | None:
        """Return when a speech that is complete has sounded to its end."""
        speech = self.speech
        if speech is None or not speech.complete or any(not n.committed for n in speech.notes):
            return None
        return self._clock.time_of(speech.last_tick)

    def _due_s(self, planned: Planned) -> float:
        """Return when a note is to be handed out."""
        return self._clock.time_of(planned.onset_tick) - self._current.now.ahead_s

    def _drop(self, speech: Speech, dropped: list[Planned]) -> None:
        gone = {id(planned.entry) for planned in dropped}
        self._score.remove([planned.entry for planned in dropped])
        speech.notes = [n for n in speech.notes if id(n.entry) not in gone]
        speech.entries = [entry for entry in speech.entries if id(entry) not in gone]
        speech.count -= len(dropped)
        speech.repetition.drop(len(dropped))
        speech.last_tick = max((n.end_tick for n in speech.notes), default=speech.start_tick)

    def _own(self, speech: Speech) -> Own:
        """Return the notes that bounds count: those that were handed out, and the plan."""
        planned = [n for n in speech.notes if not n.committed]
        ends = [round(self._clock.tick_at(given.release_s), 6) for given in self._given]
        return Own(
            (*(given.onset_tick for given in self._given), *(n.onset_tick for n in planned)),
            (*ends, *(n.end_tick for n in planned)),
        )

    def _heat(self, speech: Speech) -> int:
        """Return the heat that leads out of a loop; each loop is counted."""
        if not self._current.now.loop_guard:
            return 0
        heat = excess(speech.repetition, self._portrait.repetition)
        if heat and not speech.looping:
            self._counters["loops"] += 1
        speech.looping = heat > 0
        return heat

    def _plan_note(self, speech: Speech) -> None:
        """Draw the next note and add it to the plan, or find the speech complete."""
        if self._score.overfull:
            self._memory.read(self._score.events())
        first = speech.begins
        latest = self._score.last_onset_ticks
        previous = speech.start_tick if latest is None else latest
        drawn = self._drawer.draw(
            Request(
                number=(speech.number, speech.revision, speech.drawn),
                previous_tick=previous,
                chord=self._score.last_chord(),
                own=self._own(speech),
                onset_tick=speech.start_tick if first else None,
                earliest_tick=speech.earliest_tick,
                may_end=speech.may_end_tick is not None and previous >= speech.may_end_tick,
                heat=self._heat(speech),
            )
        )
        speech.drawn += 1
        if drawn is None:
            speech.complete = True
            return
        note, sounds_ticks = drawn.note, drawn.sounds_ticks
        if speech.end_tick is not None:
            if note.onset_ticks >= speech.end_tick:
                speech.complete = True
                return
            # A speech that is over does not ring on for more than a beat.
            longest = speech.end_tick + TICKS_PER_BEAT - note.onset_ticks
            sounds_ticks = min(sounds_ticks, longest)
            note = replace(note, duration_ticks=min(note.duration_ticks or longest, longest))
        note = replace(note, bar_ticks=self._clock.bar_ticks(note.onset_ticks))
        self._memory.append(encode([note], previous)[0])
        before = speech.entries[-1].note if speech.entries else note
        speech.repetition.add(note.pitch, note.onset_ticks - before.onset_ticks)
        planned = Planned(self._score.add(note), note.onset_ticks, note.onset_ticks + sounds_ticks)
        speech.notes.append(planned)
        speech.entries = [*speech.entries, planned.entry][-self._current.now.seed_window :]
        speech.count += 1
        speech.begins = False
        speech.last_tick = max(speech.last_tick, planned.end_tick)
