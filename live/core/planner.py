"""Which notes of the model's follow: drawn one by one with the network, and dropped again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from live.core.bounds import Own
from live.core.clock import BeatClock
from live.core.drawing import Drawer, Request
from live.core.guard import excess
from live.core.memory import Memory
from live.core.portrait import Portrait
from live.core.score import Entry, Score
from live.core.settings import Current
from live.core.speech import Given, Planned, Speech
from live.events import TICKS_PER_BEAT, encode


class Planner:
    """Plans speeches with the network and keeps the score's side of them."""

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
        self._speeches = 0

    def read(self) -> None:
        """Let the network hear what is new in the score."""
        self._memory.read(self._score.events())

    def begin(self, start_tick: int, end_tick: int | None, may_end_tick: int | None) -> Speech:
        """Return a new speech; nothing is drawn yet."""
        self._speeches += 1
        speech = Speech(start_tick, end_tick, may_end_tick, self._speeches)
        speech.last_tick = start_tick
        return speech

    def guess_duration(self, entry: Entry, least_ticks: int, number: int) -> int:
        """Return how long a note that is still held may become, in ticks.

        Drawn as the network would have it, given that it is at least as long as it was held.
        ``number`` tells several notes of one moment apart.
        """
        rows = self._score.events()  # with what was guessed of the others
        position = self._score.position(entry)
        if not position:  # nothing stands before it that the network could go on from
            return least_ticks
        # What follows is read once all are guessed: under a pedal that may be most of the window.
        self._memory.read(rows[:position])
        draw = (self._speeches, -1 - number)
        return self._drawer.draw_duration(rows[position], least_ticks, draw)

    def add_note(self, speech: Speech, given: Sequence[Given]) -> None:
        """Draw the next note and add it to the plan, or find the speech complete.

        ``given`` are the notes that were handed out and may still count for the bounds.
        """
        if self._score.overfull:
            self.read()
        first = speech.begins
        latest = self._score.last_onset_ticks
        previous = speech.start_tick if latest is None else latest
        drawn = self._drawer.draw(
            Request(
                number=(speech.number, speech.revision, speech.drawn),
                previous_tick=previous,
                chord=self._score.last_chord(),
                own=self._own(speech, given),
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

    def drop(self, speech: Speech, dropped: Sequence[Planned]) -> None:
        """Take notes out of the plan and of the score."""
        gone = {id(planned.entry) for planned in dropped}
        self._score.remove([planned.entry for planned in dropped])
        speech.notes = [n for n in speech.notes if id(n.entry) not in gone]
        speech.entries = [entry for entry in speech.entries if id(entry) not in gone]
        speech.count -= len(dropped)
        speech.repetition.drop(len(dropped))
        speech.last_tick = max((n.end_tick for n in speech.notes), default=speech.start_tick)

    def revise(self, speech: Speech, *, begins: bool) -> None:
        """Drop what was not handed out, to be drawn anew; ``begins``: see ``Speech``."""
        self.drop(speech, speech.waiting)
        speech.revision += 1
        speech.drawn = 0
        speech.begins = begins
        self.read()

    def _own(self, speech: Speech, given: Sequence[Given]) -> Own:
        """Return the notes that bounds count: those that were handed out, and the plan."""
        planned = speech.waiting
        ends = [round(self._clock.tick_at(each.release_s), 6) for each in given]
        return Own(
            (*(each.onset_tick for each in given), *(n.onset_tick for n in planned)),
            (*ends, *(n.end_tick for n in planned)),
            self._clock.seconds_per_tick,
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
