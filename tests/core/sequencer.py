"""A sequencer that sends MIDI clock, on a simulated one."""

from __future__ import annotations

import math
import random
from bisect import bisect

from live.core.midi_clock import CLOCK, START


class Sequencer:
    """A clock somewhere else: its messages as they arrive, and the true moments of its ticks."""

    def __init__(self, start_s=2.0, *, jitter_s=0.0, lost=0.0, seed=3):
        self.now = start_s
        self.messages = []
        self.ticks = []
        self._jitter_s, self._lost = jitter_s, lost
        self._chance = random.Random(seed)

    def send(self, *data):
        self.now += 0.001  # two messages never come at the same moment
        self.messages.append((self.now - 0.001, bytes(data)))

    def run(self, beats, bpm=120.0):
        for _ in range(round(beats * 24)):
            self.ticks.append(self.now)
            if len(self.ticks) < 3 or self._chance.random() >= self._lost:
                at_s = self.now + self._chance.uniform(-self._jitter_s, self._jitter_s)
                if self.messages:
                    at_s = max(at_s, self.messages[-1][0] + 1e-6)  # a wire keeps the order
                self.messages.append((at_s, bytes([CLOCK])))
            self.now += 60 / bpm / 24
        return self

    def phase_errors_ms(self, room, after_s, before_s=math.inf):
        """Return how far the model's notes of some time are from the nearest tick each."""
        errors = []
        for note in room.model:
            if after_s < note.onset_s < min(before_s, self.ticks[-1]):
                i = bisect(self.ticks, note.onset_s)
                near = self.ticks[max(0, i - 1) : i + 1]
                errors.append(1000 * min(abs(note.onset_s - tick_s) for tick_s in near))
        return errors


def started(**how):
    sequencer = Sequencer(**how)
    sequencer.send(START)
    return sequencer
