"""As ``test_stage_machine``, and takes begin, midi_io is killed, another clock leads."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from live.comparison import compare
from live.journal import moment
from live.messages import NewTake, PlayNote
from live.midi_io import dispatch, process
from live.midi_io.recall import left_sounding
from live.midi_io.settings import MidiSettings
from live.past_take import Take
from live.replay import replay
from tests.core.room import FlatNetwork
from tests.stage import Journal, Stage
from tests.test_stage_machine import LONG, OnStage


class StageWithTakes(Stage):
    """Takes begin in midi_io; the improviser hears of them when it wakes up, the parent late."""

    def __init__(self, patch, **settings):
        self._later = []
        patch.setattr(dispatch, "JournalWriter", self._begin_journal)
        super().__init__(patch, **settings)

    @property
    def takes(self):
        return [self.journal, *self._later]

    def _begin_journal(self, path, _header):
        self._later.append(Journal(path, moment(self.now_s)))
        return self._later[-1]

    def new_take(self):
        self.midi_io._obey(NewTake(Path(str(len(self.takes))), {}))

    def restart(self, *, parent_is_late=False):
        take = self.takes[-2 if parent_is_late and len(self.takes) > 1 else -1]
        self._pipe = object()
        self.midi_io._unheard_take = self.midi_io.listener.connect(self._pipe, take.path)
        self._begin_core(take)

    def die(self):
        assert self.midi_io.listener.disconnect(self._pipe)
        self.midi_io._unheard_take = None
        super().die()

    def replace_midi_io(self, thru, input_channel):
        """Let a successor take over what one that was killed has left."""
        if self.transcript is not None:
            self.settings, self.transcript = self.core.settings, None
        now, journal = self.settings, self.takes[-1]
        midi = MidiSettings("virtual", "virtual", "auto", input_channel, thru, (), None, now.clock)
        standing = copy.deepcopy(journal.standing)
        told = process._end_what_stands(standing, journal)
        self.midi_io = process.MidiIo(midi, journal, None, told)
        self.midi_io.player.latency_s = now.latency_ms / 1000
        self.midi_io.listener._echo.heard = lambda *_: False
        self.midi_io.player.may_sound(left_sounding(standing))
        self.midi_io.outlet.exchange(self.synth)
        self.synth.panicking = True
        self.midi_io.player.output_back()
        self.synth.panicking = False

    def _obey(self, actions):
        for action in actions:
            if isinstance(action, PlayNote) and self.midi_io._unheard_take is None:
                self.takes[-1].given.append(action)
            super()._obey([action])
        self.actions = list(actions)

    def check_replay(self):
        for journal in self.takes:
            again = replay(journal.take(), lambda file: FlatNetwork())
            assert [given.note for given in again.given] == journal.given


def test_what_was_played_before_the_improviser_came_into_a_take_is_not_replayed_to_it(monkeypatch):
    stage = StageWithTakes(monkeypatch, bpm=150)
    stage.die()
    stage.new_take()
    stage.play(b"\x90\x37\x50\x80\x37\x00")
    stage.wake()
    stage.restart(parent_is_late=True)
    stage.wake()
    stage.pass_until(stage.now_s + 5)
    stage.play(b"\x90\x39\x50\x80\x39\x00")
    stage.wake()
    stage.pass_until(stage.now_s + 5)
    assert stage.takes[1].given
    stage.check_replay()


def test_what_an_improviser_had_planned_that_died_at_the_end_of_a_take_is_not_missed(monkeypatch):
    stage = StageWithTakes(monkeypatch, bpm=150, mode="continue", horizon_ms=1000.0)
    stage.play(b"\x90\x37\x50\x80\x37\x00")
    stage.wake(command="your_turn")
    stage.pass_until(stage.now_s + 3)
    stage.die()
    stage.pass_until(stage.now_s + 3)
    stage.journal.write("end", stage.now_s)
    (journal,) = stage.takes
    take = Take({"origin_s": journal.origin_s}, tuple(journal.lines))
    found = compare(take, replay(take, lambda file: FlatNetwork()))
    assert found.alike
    assert found.recorded > 3


class OnStageWithTakes(OnStage):
    def make_stage(self):
        return StageWithTakes(self.patch, bpm=150, seed_window=8)

    @rule(awake=st.booleans())
    def new_take(self, awake):
        self.stage.new_take()
        if awake:
            self.stage.wake()

    @precondition(lambda self: self.stage.transcript is None)
    @rule(late=st.booleans())
    def improviser_comes_back(self, late):
        self.stage.restart(parent_is_late=late)
        self.stage.wake()

    @precondition(lambda self: not self.unplugged)
    @rule()
    def midi_io_is_killed(self):
        self.stage.replace_midi_io(self.thru, self.input_channel)
        self.held = set()
        assert self.stage.synth.sounding == self.stage.synth.pedals == set()

    @rule(clock=st.sampled_from(["internal", "midi"]))
    def change_clock(self, clock):
        self.stage.wake(changes={"clock": clock})

    @rule(
        transport=st.sampled_from([b"", b"\xfa", b"\xfb", b"\xfc", b"\xf2\x04\x00"]),
        ticks=st.integers(1, 60),
        period_s=st.sampled_from([0.0166, 0.0208]),
    )
    def clock_ticks(self, transport, ticks, period_s):
        self.stage.play(transport)
        for number in range(ticks):
            self.stage.pass_until(self.stage.now_s + period_s)
            self.stage.play(b"\xf8")
            if number % 3 == 0:
                self.stage.wake()

    def check_replay(self):
        self.stage.check_replay()


TestOnStageWithTakes = OnStageWithTakes.TestCase
TestOnStageWithTakes.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
class TestOnStageWithTakesForLong(OnStageWithTakes.TestCase):
    settings = LONG
