"""In any order of playing, changes, commands, failures and time, notes balance and bounds hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from live.core.orchestra import DRUM_CHANNEL
from live.live_settings import LiveSetting
from live.messages import PlayNote
from live.midi_io.ledger import PLAYER
from live.replay import replay
from live.settings import LIVE
from tests.core.room import FlatNetwork
from tests.stage import Stage

COMMANDS = ["your_turn", "my_turn", "again", "keep", "panic"]
ELSEWHERE = ("model", "left_channel")
"""Which hand sounds where is tried by ``tests/test_hands.py``: here a key sounds on its channel."""
CHANGEABLE = [s for s in LIVE if s.owner == "improviser" and s.field not in ELSEWHERE]


def value_of(setting: LiveSetting):
    """Return a strategy for the values of a setting, as the processes spell them."""
    if setting.kind == "switch":
        values = st.booleans()
    elif setting.kind == "choice":
        values = st.sampled_from(setting.choices)
    elif setting.kind == "text":
        texts = {
            "key": ["", "follow", "C major", "D minor"],
            "channels": ["", "0 = 2", "0 = 5, 32 = 2, drums = 10"],
        }
        values = st.sampled_from(texts.get(setting.key, [""]))
    elif setting.kind == "whole number":
        values = st.integers(math.ceil(setting.low), math.floor(setting.high))
    else:
        values = st.floats(setting.low, setting.high)
    return values.map(setting.read).map(setting.to_core)


changes = st.sampled_from(CHANGEABLE).flatmap(
    lambda setting: st.tuples(st.just(setting.field), value_of(setting))
)
channels = st.sampled_from([0, 0, 0, 1, 9])


class OnStage(RuleBasedStateMachine):
    """A player, a synth, and processes that may die."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.stage = self.make_stage()
        self.held: set[tuple[int, int]] = set()
        self.thru = True
        self.input_channel = None
        self.unplugged = False

    def make_stage(self):
        return Stage(self.patch, bpm=150, seed_window=8)

    def check_replay(self):
        again = replay(self.stage.take(), lambda file: FlatNetwork())
        assert [given.note for given in again.given] == self.stage.given

    # -- the player -------------------------------------------------------------------------------

    @rule(channel=channels, pitch=st.integers(55, 67), velocity=st.integers(1, 127))
    def strike(self, channel, pitch, velocity):
        self.stage.play(bytes([0x90 | channel, pitch, velocity]))
        if self.thru:
            self.held.add((channel, pitch))
        self._wake_after_a_key(channel)

    @rule(channel=channels, pitch=st.integers(55, 67), as_note_on=st.booleans())
    def let_go(self, channel, pitch, as_note_on):
        self.stage.play(bytes([(0x90 if as_note_on else 0x80) | channel, pitch, 0]))
        self.held.discard((channel, pitch))
        self.stage.wake()

    @rule(controller=st.sampled_from([64, 66, 1, 123]), value=st.sampled_from([0, 127]))
    def pedal(self, controller, value):
        self.stage.play(bytes([0xB0, controller, value]))
        self.stage.wake()

    @rule(data=st.binary(max_size=12).filter(lambda data: all(b >> 4 not in (8, 9) for b in data)))
    def garbage(self, data):
        # Behind it a message that breaks off whatever it began: what follows is heard whole.
        self.stage.play(bytes([0xF6]) + data + bytes([0xF6]))
        self.stage.wake()

    @rule(count=st.integers(1, 60))
    def trill(self, count):
        """A flood that is heard as one."""
        for number in range(count):
            self.stage.play(bytes([0x90, 60 + number % 2, 80, 0x80, 60 + number % 2, 0]))
        self.held -= {(0, 60 + number % 2) for number in range(count)}
        self._wake_after_a_key()

    # -- time and failures ------------------------------------------------------------------------

    @rule(beats=st.floats(0.01, 6))
    def pass_time(self, beats):
        self.stage.pass_until(self.stage.now_s + beats * 0.4)

    @rule(seconds=st.sampled_from([0.05, 0.5, 3.0]))
    def nobody_runs(self, seconds):
        """The machine is busy, or asleep, and nobody wakes up when he should."""
        self.stage.now_s += seconds
        self.stage.midi_io.player.send_due()
        self.stage.wake()

    @precondition(lambda self: self.stage.transcript is not None)
    @rule()
    def improviser_dies(self):
        self.stage.die()
        assert self._ledger.sounding == self.held

    @precondition(lambda self: self.stage.transcript is None)
    @rule()
    def improviser_comes_back(self):
        self.stage.restart()
        self.stage.wake()

    # -- devices that come and go: what ``HotPlug`` does of it -------------------------------------

    @rule()
    def keyboard_is_unplugged(self):
        """Its keys and pedals are let go of; it may be played again at once."""
        self.stage.midi_io.listener.let_go()
        self.held = set()
        self.stage.wake()

    @precondition(lambda self: not self.unplugged)
    @rule()
    def synth_is_unplugged(self):
        """It hears of no end, and sounds on by itself."""
        self.stage.midi_io.outlet.exchange(None)
        self.stage.midi_io.player.output_lost()
        self.held, self.unplugged = set(), True

    @precondition(lambda self: self.unplugged)
    @rule()
    def synth_comes_back(self):
        self.stage.midi_io.outlet.exchange(self.stage.synth)
        self.stage.synth.panicking = True  # it is silenced whatever it sounds with
        self.stage.midi_io.player.output_back()
        self.stage.synth.panicking = False
        self.stage.synth.unheard = self._ledger.sounding - self.stage.synth.sounding
        self.unplugged = False

    # -- settings and commands --------------------------------------------------------------------

    @rule(change=changes)
    def change(self, change):
        self.stage.wake(changes=dict([change]))

    @rule(mode=st.sampled_from(["call", "continue", "duet", "solo", "listen"]))
    def change_mode(self, mode):
        self.stage.wake(changes={"mode": mode})

    @rule(name=st.sampled_from(COMMANDS))
    def command(self, name):
        self.stage.wake(command=name)
        if name == "panic":
            assert self.unplugged or self.stage.synth.sounding == set()
            self.held = set()

    @rule(on=st.booleans())
    def change_thru(self, on):
        self.stage.change_midi("thru", on)
        self.thru = on
        if not on:
            self.held = set()

    @rule(channel=st.sampled_from([None, 0, 1]))
    def change_input_channel(self, channel):
        self.stage.change_midi("input_channel", channel)
        self.input_channel = channel
        self.stage.wake()

    @property
    def _ledger(self):
        return self.stage.midi_io.player._ledger

    # -- what holds always ------------------------------------------------------------------------

    @invariant()
    def what_sounds_is_held_or_has_an_end(self):
        ledger, synth = self._ledger, self.stage.synth
        assert self.unplugged or synth.sounding | synth.unheard == ledger.sounding
        players = {key for key, owners in ledger._owners.items() if PLAYER in owners}
        assert players == self.held
        ends = {due[2] for due in self.stage.midi_io.player._schedule._heap if due[1] is False}
        for number in ledger.model_notes.values():
            assert number in ends, "a note of the model's has no end"

    @invariant()
    def notes_are_within_bounds(self):
        now = self.stage.settings if self.stage.transcript is None else self.stage.core.settings
        for note in (a for a in self.stage.actions if isinstance(a, PlayNote)):
            if note.channel != DRUM_CHANNEL:  # a drum's number is no pitch
                assert now.lowest_pitch <= note.pitch <= now.highest_pitch
            assert 1 <= note.velocity <= 127
            assert 0 <= note.channel <= 15
            assert note.release_s > note.onset_s
        self.stage.actions = []

    @invariant()
    def nothing_grows(self):
        if self.stage.transcript is None:
            return
        core = self.stage.core
        window = core.settings.seed_window
        assert len(core._memory._states) <= 2 * window + 200
        wake_s = core.wake_at()
        assert wake_s is None or not math.isnan(wake_s)

    def teardown(self):
        try:
            if self.unplugged:
                self.synth_comes_back()
            self.stage.pass_until(self.stage.now_s + 2)
            self.stage.wake(command="my_turn")
            self.stage.end()
            assert self.stage.synth.sounding == set()
            assert self.stage.synth.pedals == set()
            self.check_replay()
        finally:
            self.patch.undo()

    def _wake_after_a_key(self, channel=0):
        self.stage.wake()
        if self.stage.transcript is None or self.input_channel not in (None, channel):
            return
        if self.stage.core.settings.mode != "duet":
            # The player is never spoken over.
            assert self.stage.midi_io.player._ledger.model_notes == {}


LONG = settings(
    max_examples=1500,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

TestOnStage = OnStage.TestCase
TestOnStage.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
class TestOnStageForLong(OnStage.TestCase):
    settings = LONG
