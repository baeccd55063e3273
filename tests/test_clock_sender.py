"""MIDI clock for others: which message is due when."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from live.core.midi_clock import CLOCK, CONTINUE, SONG_POSITION, START, STOP
from live.messages import Pulse
from live.midi_io.clock_sender import ClockSender

TICK_S = 60 / 120 / 24
IDLE = Pulse(0.0, 0.0, TICK_S, 0, running=False)


class Follower:
    """Takes messages at their deadlines, as the player sends them."""

    def __init__(self):
        self.sender = ClockSender()
        self.now = 0.0
        self.heard = []

    def lead(self, pulse):
        self.sender.lead(pulse, self.now)

    def pass_until(self, time_s):
        while (at_s := self.sender.next_deadline_s()) is not None and at_s <= time_s:
            self.now = max(self.now, at_s)
            self.heard += [(self.now, m) for m in self.sender.due(self.now)]
        self.now = time_s

    def times(self, status, since=0.0):
        return [at_s for at_s, m in self.heard if m[0] == status and at_s >= since]

    def ticks_after(self, status):
        """Return the moments of the clock messages after another one."""
        index = [m[0] for _, m in self.heard].index(status)
        return [at_s for at_s, m in self.heard[index:] if m[0] == CLOCK]


def test_24_clock_messages_a_beat_also_while_the_music_waits():
    follower = Follower()
    follower.lead(IDLE)
    follower.pass_until(10.0)
    times = follower.times(CLOCK)
    assert len(times) == pytest.approx(480, abs=1)
    assert max(abs(b - a - TICK_S) for a, b in pairwise(times)) < 1e-9
    assert {m[0] for _, m in follower.heard} == {CLOCK}


@pytest.mark.parametrize("late_s", [-0.005, 0.004, 0.015])
def test_start_comes_right_before_the_songs_first_tick(late_s):
    follower = Follower()
    follower.lead(IDLE)
    follower.pass_until(2.0)
    # A note of the player's is the downbeat; it is known of a little later, or a little before.
    follower.lead(Pulse(2.0 - late_s, 96, TICK_S, 96, running=True))
    follower.pass_until(4.0)
    (start_s,) = follower.times(START)
    assert start_s == pytest.approx(max(2.0, 2.0 - late_s))
    assert follower.ticks_after(START)[0] == pytest.approx(start_s)
    # The first tick of the second beat is the 25th after Start.
    assert follower.ticks_after(START)[24] == pytest.approx(2.0 - late_s + 24 * TICK_S)


def test_stop_comes_at_once_and_continue_where_the_song_position_says():
    follower = Follower()
    playing = replace(IDLE, running=True)
    follower.lead(playing)
    follower.pass_until(3.01)
    follower.lead(replace(playing, running=False))
    follower.pass_until(5.23)
    assert follower.times(STOP) == [3.01]
    follower.lead(playing)
    follower.pass_until(8.0)
    (position,) = [m for _, m in follower.heard if m[0] == SONG_POSITION]
    sixteenths = position[1] | position[2] << 7
    assert follower.ticks_after(CONTINUE)[0] == pytest.approx(6 * sixteenths * TICK_S)
    assert follower.times(CONTINUE) == [pytest.approx(5.25)]
    kinds = [m[0] for _, m in follower.heard]
    assert kinds.index(SONG_POSITION) < kinds.index(CONTINUE)


def test_a_new_tempo_moves_ticks_and_loses_none():
    follower = Follower()
    follower.lead(replace(IDLE, running=True))
    follower.pass_until(1.0)
    follower.lead(Pulse(1.0, 48, TICK_S / 2, 0, running=True))
    follower.pass_until(2.0)
    assert len(follower.times(CLOCK)) == pytest.approx(48 + 96, abs=1)
    assert len(follower.times(START)) == 1
    assert follower.times(STOP) == []


def test_a_sender_that_was_held_up_makes_up_for_it():
    follower = Follower()
    follower.lead(IDLE)
    follower.pass_until(1.0)
    assert len(follower.sender.due(1.2)) == 9


def test_the_song_is_stopped_when_no_clock_is_sent_any_more():
    follower = Follower()
    follower.lead(replace(IDLE, running=True))
    follower.pass_until(1.0)
    assert follower.sender.stop() == [bytes([STOP])]
    assert follower.sender.next_deadline_s() is None
    assert follower.sender.due(9.0) == []
