"""Half an hour in every mode, with any playing and any settings: what always holds, holds.

``make test`` plays a minute or so of each mode, ``make soak`` all of it.
"""

from __future__ import annotations

import copy
import random

import pytest

from live.core.bounds import lock_of
from live.core.orchestra import channel_of, ensemble
from live.events import DRUMS, TICKS_PER_BEAT
from live.messages import PlayNote, Said, Yield
from live.midi_io.ledger import PLAYER, NoteLedger
from live.midi_io.schedule import Schedule
from tests.core.room import Room, Sure

MODES = ("call", "continue", "duet", "solo", "listen")
LIKELY = {
    "shift": (0, 3, 6, 12, 24),
    "duration": (3, 6, 12, 24, 48, 96),
    "velocity": (30, 62, 98),
}
LONGEST_NOTE_S = 32 * 60 / 20
"""The longest note at the slowest tempo."""

CHANGES = {
    "bpm": lambda r: r.uniform(30, 240),
    "beats_per_bar": lambda r: r.randint(1, 7),
    "handover": lambda r: r.choice(("tick", "beat", "bar")),
    "silence_beats": lambda r: r.choice((0.5, 1.0, 2.0)),
    "answer": lambda r: r.choice(("phrase", "bars", "model")),
    "answer_bars": lambda r: r.randint(1, 4),
    "horizon_ms": lambda r: r.choice((20.0, 100.0, 400.0)),
    "temperature": lambda r: r.choice((0.0, 0.7, 1.0, 2.0)),
    "min_p": lambda r: r.choice((0.0, 0.05, 0.5)),
    "lowest_pitch": lambda r: r.randint(0, 127),
    "highest_pitch": lambda r: r.randint(0, 127),
    "notes_per_beat": lambda r: r.choice((0, 1, 2, 4, 9)),
    "voices": lambda r: r.choice((0, 1, 2, 3, 6)),
    "key": lambda r: r.choice(("", "follow", "D dorian", "G7 chord", "C# minor pentatonic")),
    "density": lambda r: r.uniform(-1, 1),
    "pitch": lambda r: r.uniform(-1, 1),
    "loudness": lambda r: r.uniform(-1, 1),
    "length": lambda r: r.uniform(-1, 1),
    "velocity": lambda r: r.choice(("auto", "player", "model")),
    "lowest_velocity": lambda r: r.randint(1, 127),
    "highest_velocity": lambda r: r.randint(1, 127),
    "velocity_curve": lambda r: r.choice((0.5, 1.0, 2.0)),
    "loop_guard": lambda r: r.random() < 0.5,
    "ensemble": lambda r: r.choice(("", "0", "0, 32", "0, 32, drums", "drums")),
    "channels": lambda r: r.choice(((), ((0, 3),), ((0, 0), (32, 5), (DRUMS, 9)))),
    "program_changes": lambda r: r.random() < 0.5,
    "output_channel": lambda r: r.randint(0, 15),
    "instrument": lambda r: r.choice((0, 40, DRUMS)),
    "left_instrument": lambda r: r.choice((-1, 32)),
    "split": lambda r: r.randint(40, 80),
}


class Stage(Room):
    """A room that also does what midi_io does, and looks at every note as it is handed out."""

    def __init__(self, **settings):
        super().__init__(Sure(**LIKELY, confidence=5.0), **settings)
        self.ledger = NoteLedger()
        self.schedule = Schedule()
        self.onset_ticks = []
        self.ringing = []
        self.count = 0
        self._remember()

    def _remember(self):
        """Keep what held before the next call: what was due by then is still handed out by it."""
        self._before = self.core.settings, copy.copy(self.core.clock), self.core._portrait.key

    def change(self, name, value):
        actions = self.core.change(self.now, **{name: value})
        self._take(actions)
        self._take(self.core.advance(self.now))
        return [a for a in actions if isinstance(a, Said)]

    def hear(self, data):
        key = (data[0] & 0x0F, data[1])
        if data[0] & 0xF0 == 0x90:
            self.ledger.strike(PLAYER, key, data[2])
        elif data[0] & 0xF0 == 0x80:
            self.ledger.release(PLAYER, key)
        self._take(self.core.hear(self.now, data))
        self._take(self.core.advance(self.now))

    def pass_until(self, time_s):
        super().pass_until(time_s)
        self.sound_until(time_s)

    def sound_until(self, time_s):
        for due in self.schedule.due(time_s):
            key = (due.note.channel, due.note.pitch)
            if due.is_onset:
                self.ledger.strike(due.number, key, due.note.velocity)
            else:
                self.ledger.release(due.number, key)

    def _take(self, actions):
        for action in actions:
            if isinstance(action, PlayNote):
                self._look_at(action)
                self.schedule.add(action)
            elif isinstance(action, Yield):
                self.sound_until(action.time_s)
                self.schedule.clear()
                self.ledger.release_model()
                self.ringing = [n for n in self.ringing if n.onset_s <= action.time_s]
                self.ringing = [n for n in self.ringing if n.release_s <= action.time_s]
                self.onset_ticks = [(s, t) for s, t in self.onset_ticks if s <= action.time_s]
                assert not self.ledger.model_notes
        super()._take(actions)
        self._remember()

    def _look_at(self, note):
        s, clock, key = self._before
        self.count += 1
        allowed = ensemble(s)
        assert note.channel in {channel_of(s, each) for each in allowed}
        pitched = [i for i in allowed if i != DRUMS and channel_of(s, i) == note.channel]
        if pitched and not (DRUMS in allowed and channel_of(s, DRUMS) == note.channel):
            assert s.lowest_pitch <= note.pitch <= s.highest_pitch
            lock = lock_of(s, key)
            assert lock is None or note.pitch % 12 in lock
        assert s.lowest_velocity <= note.velocity <= s.highest_velocity
        assert 0 < note.release_s - note.onset_s <= LONGEST_NOTE_S
        assert note.onset_s > self.now - 1e-6
        tick = round(clock.tick_at(note.onset_s))
        self.onset_ticks = [(a, t) for a, t in self.onset_ticks if t > tick - TICKS_PER_BEAT]
        self.onset_ticks.append((note.onset_s, tick))
        assert not s.notes_per_beat or len(self.onset_ticks) <= s.notes_per_beat
        half_tick_s = clock.seconds_per_tick / 2
        self.ringing = [n for n in self.ringing if n.release_s > note.onset_s + half_tick_s]
        self.ringing.append(note)
        assert not s.voices or len(self.ringing) <= s.voices


def play_anything(mode, seconds, seed, changes=CHANGES):
    """Play and change whatever comes for some time; return what the model played."""
    chance = random.Random(seed)
    stage = Stage(mode=mode, seed=seed, bpm=120)
    held = set()
    refused = changed = 0
    listening_until = 0.0
    while stage.now < seconds:
        stage.pass_until(stage.now + chance.choice((0.0, 0.02, 0.1, 0.25, 0.5, 1.0, 5.0)))
        if chance.random() < 0.06:
            listening_until = stage.now + chance.uniform(5.0, 40.0)
            stage._take(stage.core.command(stage.now, "your_turn"))
            stage._take(stage.core.advance(stage.now))
        what = chance.uniform(0.88 if stage.now < listening_until else 0.0, 1.0)
        if what < 0.45:
            for _ in range(chance.choice((1, 1, 1, 3))):
                pitch = chance.choice((36, 48, 55, 60, 62, 64, 65, 67, 69, 71, 72))
                held.add(pitch)
                stage.hear(bytes([0x90, pitch, chance.randint(1, 127)]))
        elif what < 0.8:
            for pitch in sorted(held):
                stage.hear(bytes([0x80, pitch, 0]))
            held.clear()
        elif what < 0.85:
            stage.hear(bytes([0xB0, 64, chance.choice((0, 127))]))
        elif what < 0.9:
            command = chance.choice(("your_turn", "my_turn", "again", "keep", "panic"))
            stage._take(stage.core.command(stage.now, command))
            stage._take(stage.core.advance(stage.now))
        else:
            name = chance.choice(list(changes))
            before = stage.core.settings
            said = stage.change(name, changes[name](chance))
            refused += bool(said)
            changed += not said
            assert not said or stage.core.settings == before
    for pitch in sorted(held):
        stage.hear(bytes([0x80, pitch, 0]))
    stage._take(stage.core.command(stage.now, "my_turn"))
    stage.sound_until(stage.now + LONGEST_NOTE_S)
    assert not stage.ledger.sounding
    assert changed > 5
    assert refused or seconds < 600
    return [(n.onset_s, n.release_s, n.channel, n.pitch, n.velocity) for n in stage.model], stage


def check(mode, seconds):
    notes, stage = play_anything(mode, seconds, seed=1)
    assert (stage.count == 0) == (mode == "listen")
    again, _ = play_anything(mode, seconds, seed=1)
    assert notes == again
    return stage


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_broken_in_some_minutes(mode):
    check(mode, 120)


def check_changing_modes(seconds):
    changes = CHANGES | {"mode": lambda r: r.choice(MODES)}
    notes, _ = play_anything("duet", seconds, 10, changes)
    assert notes
    assert notes == play_anything("duet", seconds, 10, changes)[0]


def test_nothing_is_broken_in_a_minute_of_changing_modes():
    check_changing_modes(60)


@pytest.mark.slow
def test_nothing_is_broken_in_half_an_hour_of_changing_modes():
    check_changing_modes(1800)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_broken_in_half_an_hour(mode):
    stage = check(mode, 1800)
    assert mode == "listen" or stage.count > 500
