"""The pure core on a simulated clock: a network without weights, and what a listener hears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.events import COLUMN, FIELDS, PREDICTED
from live.messages import PlayNote, TurnChanged, Yield
from live.prediction import FIELD_SLICE, FORBIDDEN, TOKEN_COUNT, Prediction


class FlatNetwork:
    """Finds every token equally likely; its state is a running checksum of what it heard.

    It draws as the exported graph does: chance, bias, temperature and min-p are taken likewise.
    """

    def __init__(self):
        self.events_run = 0

    def zero_states(self):
        return np.zeros((2, 3), dtype=np.float32)

    def run(
        self,
        events,
        states,
        *,
        noise=None,
        logit_bias=None,
        forced=None,
        temperature=1.0,
        min_p=0.0,
    ):
        self.events_run += len(events)
        states = states.copy()
        for row in events:
            checksum = float(np.dot(row, np.arange(1, len(row) + 1)))
            states = (0.5 * states + checksum).astype(np.float32)
        logits = self.logits(events[-1])
        biased = logits + (0 if logit_bias is None else logit_bias)
        chance = np.zeros(TOKEN_COUNT) if noise is None else noise
        event = np.zeros(len(PREDICTED), dtype=np.int32)
        for k, f in enumerate(PREDICTED):
            part = FIELD_SLICE[f.name]
            gap = biased[part] - biased[part].max()
            hopeless = gap < np.log(max(min_p, 1e-9))
            scores = gap / max(temperature, 1e-4) + chance[part] + hopeless * FORBIDDEN
            event[k] = np.argmax(scores)
        if forced is not None:
            event = np.where(forced >= 0, forced, event).astype(np.int32)
        return Prediction(event, np.tile(logits, (len(events), 1)), states)

    def logits(self, last_event):
        """Return the logits of what follows an event."""
        return np.zeros(TOKEN_COUNT, dtype=np.float32)


class Sure(FlatNetwork):
    """Is nearly sure of some values of a field, and finds the rest as likely as each other."""

    def __init__(self, confidence=8.0, **likely):
        super().__init__()
        self._likely = np.zeros(TOKEN_COUNT, dtype=np.float32)
        for name, values in likely.items():
            for value in values:
                token = FIELDS[COLUMN[name]].encode(value)
                self._likely[FIELD_SLICE[name].start + token] = confidence

    def logits(self, last_event):
        return self._likely


@dataclass
class Sounded:
    """A note of the model's as a listener heard it."""

    onset_s: float
    release_s: float
    pitch: int
    velocity: int
    handed_out_s: float
    channel: int = 0
    pedal: bool = False


class Room:
    """Plays inputs to a core at simulated times and does with its answers what midi_io does."""

    def __init__(self, network=None, **settings):
        self.settings = PerformerSettings(**{"seed": 5, **settings})
        self.network = network or FlatNetwork()
        self.core = Performer(self.settings, self.network)
        self.now = 0.0
        self.model: list[Sounded] = []
        self.turns: list[TurnChanged] = []
        self.yields: list[float] = []
        self.others = []

    @property
    def beat(self):
        return 60.0 / self.settings.bpm

    def note(self, onset, length, pitch, velocity=80, channel=0):
        """Return the two messages of a note; times in beats."""
        return [
            (onset * self.beat, bytes([0x90 | channel, pitch, velocity])),
            ((onset + length) * self.beat, bytes([0x80 | channel, pitch, 0])),
        ]

    def play(self, *notes, until=None):
        """Play messages (time in s, bytes), then let time pass until a beat."""
        messages = sorted(message for note in notes for message in note)
        for time_s, data in messages:
            self.pass_until(time_s)
            self._take(self.core.hear(time_s, data))
            self._take(self.core.advance(time_s))
        if until is not None:
            self.pass_until(until * self.beat)

    def command(self, beat, name):
        """Let time pass until a beat, then give a command."""
        self.pass_until(beat * self.beat)
        self._take(self.core.command(beat * self.beat, name))
        self._take(self.core.advance(beat * self.beat))

    def pass_until(self, time_s):
        while (wake := self.core.wake_at()) is not None and wake < time_s:
            self.now = max(self.now, wake)
            self._take(self.core.advance(self.now))
        self.now = max(self.now, time_s)

    def _take(self, actions):
        for action in actions:
            if isinstance(action, PlayNote):
                assert action.release_s > action.onset_s
                self.model.append(
                    Sounded(
                        action.onset_s,
                        action.release_s,
                        action.pitch,
                        action.velocity,
                        self.now,
                        action.channel,
                        action.pedal,
                    )
                )
            elif isinstance(action, Yield):
                self.yields.append(action.time_s)
                self.model = [n for n in self.model if n.onset_s <= action.time_s]
                for note in self.model:
                    note.release_s = min(note.release_s, action.time_s)
            elif isinstance(action, TurnChanged):
                self.turns.append(action)
            else:
                self.others.append(action)
