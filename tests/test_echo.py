"""What is our own output that came back, and what is played."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.midi_io.echo import MISSES, WINDOW_S, EchoFilter
from live.midi_io.ledger import PLAYER, NoteLedger

MODEL = 1
"""The number of every note of the model's."""


class Line:
    """A player with thru, a model, and perhaps a way back from the output to the input."""

    def __init__(self, delay=None, thru=True, channel=None, back_on=lambda channel: channel):
        self.filter = EchoFilter()
        self.back_on = back_on
        self.delay, self.thru, self.channel = delay, thru, channel
        self.now = 0.0
        self._ledger = NoteLedger()
        self._returning = []
        self.taken = []
        """What was heard and not left out."""

    @property
    def sounding(self):
        return self._ledger.sounding

    def model(self, at, *data):
        self._pass_until(at)
        self._send(MODEL, bytes(data))

    def player(self, at, *data):
        self._pass_until(at)
        self._hear(bytes(data))

    def note(self, who, at, length, pitch, velocity=80):
        who(at, 0x90, pitch, velocity)
        who(at + length, 0x80, pitch, 0)

    def _send(self, owner, data):
        kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
        messages = [data]
        if kind == 0x90:
            messages = self._ledger.strike(owner, key, data[2])
        elif kind == 0x80:
            messages = self._ledger.release(owner, key)
        for message in messages:
            self.filter.sent(self.now, message)
            if self.delay is not None:
                back = message[0] & 0xF0 | self.back_on(message[0] & 0x0F)
                self._returning.append((self.now + self.delay, bytes([back, *message[1:]])))

    def _hear(self, data):
        if self.channel is not None:
            data = bytes([data[0] & 0xF0 | self.channel]) + data[1:]
        if not self.filter.heard(self.now, data):
            self.taken.append(data)
            assert len(self.taken) <= 20_000, "it runs away"
            if self.thru:
                self._send(PLAYER, data)

    def _pass_until(self, at):
        while self._returning and self._returning[0][0] <= at:
            self.now, data = self._returning.pop(0)
            self._hear(data)
        self.now = at

    def pitches(self):
        self._pass_until(self.now + 1.0)
        return [data[1] for data in self.taken if data[0] & 0xF0 == 0x90]


def test_model_does_not_hear_its_own_notes():
    for delay in (0.001, 0.02, 0.1, 0.2):
        for channel in (None, 5):
            line = Line(delay, channel=channel)
            for number in range(20):
                line.note(line.model, number * 0.25, 0.2, 60 + number % 7, 70)
            assert line.pitches() == [], (delay, channel)
            assert line.taken == []


def test_thru_does_not_run_in_a_circle():
    for delay in (0.001, 0.02, 0.1):
        line = Line(delay)
        played = [60, 64, 64, 67, 60, 72]
        for number, pitch in enumerate(played):
            line.note(line.player, number * 0.3, 0.25, pitch, 64)
        assert line.pitches() == played
        releases = [data for data in line.taken if data[0] & 0xF0 == 0x80]
        assert len(releases) == len(played)


def test_pedals_and_knobs_do_not_run_in_a_circle():
    line = Line(0.01)
    for number, pitch in enumerate((60, 64)):
        line.note(line.player, number, 0.5, pitch)
    played = [(0xB0, 64, 127), (0xB0, 64, 0), *((0xB0, 1, value) for value in range(0, 127, 5))]
    for number, data in enumerate(played):
        line.player(2.0 + number * 0.004, *data)
    line.pitches()
    assert [tuple(d) for d in line.taken if d[0] == 0xB0] == played


def test_each_zone_of_a_keyboard_has_its_pedal():
    line = Line(None)
    played = [
        (0xB0 | channel, 64, value) for _ in range(3) for value in (127, 0) for channel in (0, 1)
    ]
    for number, data in enumerate(played):
        line.player(number * 0.001, *data)
    assert [tuple(data) for data in line.taken] == played


def test_pedal_of_the_models_does_not_take_the_players_away():
    line = Line(None)
    line.note(line.player, 0.0, 0.5, 60)
    line.model(1.0, 0xB0, 64, 127)
    line.player(1.1, 0xB0, 64, 127)
    line.model(1.2, 0xB0, 64, 0)
    line.player(1.3, 0xB0, 64, 0)
    assert [data[2] for data in line.taken if data[0] == 0xB0] == [127, 0]


def test_models_own_pedal_that_comes_back_is_nobodys():
    for first in (0.0, 20.0):  # at first, and when the way has been closed for a while
        line = Line(None)
        for number in range(MISSES + 2 if first else 0):
            line.note(line.model, number * 0.5, 0.2, 60 + number)
        line.model(first, 0xC1, 5)
        line.delay = 0.02
        line.model(first + 1.0, 0x90, 40, 80)
        line.model(first + 1.0, 0xB0, 64, 127)
        line.model(first + 1.5, 0x80, 40, 0)
        line.model(first + 1.5, 0xB0, 64, 0)
        line.pitches()
        assert not [data for data in line.taken if data[0] == 0xB0]


@pytest.mark.parametrize(
    "back_on", [lambda _: 5, lambda channel: channel ^ 1, lambda channel: (channel + 1) % 16]
)
def test_way_back_through_another_channel_comes_to_an_end(back_on):
    line = Line(0.01, back_on=back_on)
    for number, value in enumerate((127, 0)):
        line.player(number, 0xB0, 64, value)
        line.player(number + 0.5, 0xC0, number)
    line.pitches()
    assert len(line.taken) <= 4 * 16
    assert line.taken[0] == bytes([0xB0, 64, 127])


def test_player_who_strikes_what_the_model_has_just_struck_is_heard():
    rng = random.Random(3)
    line = Line(None)
    played = []
    for number in range(400):
        pitch = rng.choice((60, 62, 64))
        line.note(line.model, number * 0.2, 0.1, rng.choice((60, 62, 64)), 100)
        line.note(line.player, number * 0.2 + 0.15, 0.02, pitch, 100)
        played.append(pitch)
    missed = len(played) - len(line.pitches())
    assert missed <= 1  # the very first, before anything is known
    assert not line.filter.is_open


def test_roll_on_one_pad_is_heard_whole():
    line = Line(None)
    for number in range(40):
        line.note(line.player, number * 0.06, 0.03, 38, 127)
    assert line.pitches() == [38] * 40


def test_repeated_notes_of_a_sequencer_without_a_gap_are_heard_whole():
    line = Line(None)
    for number in range(40):
        at = number * 0.1
        if number % 8 == 0:
            line.note(line.model, at, 0.05, 60)
        line.player(at + 0.06, 0x80, 60, 0)
        line.player(at + 0.06, 0x90, 60, 100)
    assert line.pitches() == [60] * 40


def test_glissandi_over_the_models_notes_are_heard_whole():
    line = Line(None)
    played = []
    for number in range(3000):
        pitch = 60 + number % 7  # each comes again sooner than an echo may come back
        line.note(line.player, number * 0.005, 0.002, pitch, 80)
        played.append(pitch)
        if number % 20 == 0:
            line.model(number * 0.005 + 0.004, 0x90, 60 + number // 20 % 7, 80)
    assert line.pitches() == played
    assert not line.filter.is_open


@pytest.mark.parametrize("length", [0.01, 0.1])  # shorter and longer than the way is
def test_models_notes_do_not_run_in_a_circle_on_a_way_that_is_opened_later(length):
    line = Line(None)
    for number in range(3):
        line.note(line.player, number, 0.5, 60)  # does not come back
    line.delay = 0.02
    for number in range(4):
        line.note(line.model, 10 + number * 0.5, length, 70 + number)
    assert len(line.pitches()) == 4  # the first one is taken for the player's
    assert line.sounding == set()


def test_way_back_that_is_closed_is_forgotten():
    line = Line(0.02)
    for number in range(5):
        line.note(line.model, number * 0.5, 0.2, 60 + number)
    assert line.pitches() == []
    assert line.filter.is_open
    line.delay = None
    for number in range(MISSES + 2):
        line.note(line.model, 10 + number * 0.5, 0.2, 60 + number)
    line.player(20.0, 0x90, 40, 80)
    assert not line.filter.is_open
    line.model(30.0, 0x90, 50, 80)
    line.player(30.0 + WINDOW_S / 2, 0x90, 50, 80)
    assert line.pitches() == [40, 50]


def test_player_is_heard_while_there_is_a_way_back():
    line = Line(0.015)
    played = []
    for number in range(60):
        line.note(line.model, number * 0.25, 0.2, 60 + number % 12, 70)
        if number % 3 == 0:
            line.note(line.player, number * 0.25 + 0.1, 0.1, 40 + number % 5, 90)
            played.append(40 + number % 5)
    assert line.pitches() == played


def test_flood_leaves_little_behind():
    line = Line(None)
    for number in range(20_000):
        line.player(number / 5000, 0x90 if number % 2 == 0 else 0x80, 30 + number // 2 % 60, 80)
    assert len(line.taken) == 20_000
    assert len(line.filter._order) < 2 * 5000 * WINDOW_S


def test_note_whose_echo_never_ended_takes_no_end_of_a_later_one():
    line = Line(0.02)
    for number in range(6):
        line.note(line.model, number * 0.5, 0.2, 60 + number)
    line.player(4.0, 0x90, 72, 80)
    line._pass_until(4.2)
    line.delay = None  # the monitor is switched off while the key is down
    line.player(4.5, 0x80, 72, 0)
    for number in range(MISSES + 2):
        line.note(line.player, 5.0 + number * 0.5, 0.2, 40 + number)
    line.taken.clear()
    for at in (20.0, 20.1):
        line.note(line.player, at, 0.05, 72)
    assert [data[0] for data in line.taken] == [0x90, 0x80, 0x90, 0x80]


@pytest.mark.parametrize("times", range(1, 8))
def test_key_that_is_struck_again_and_again_ends_when_it_is_let_go(times):
    line = Line(None)
    for number in range(times):
        line.player(1 + number * 0.02, 0x90, 60, 80)
    line.player(1 + times * 0.02, 0x80, 60, 0)
    assert line.sounding == set()


KEYS = (60, 61, 62)


@st.composite
def stage(draw):
    """What happens: (ms since the last thing, what, pitch); notes are longer than the way is."""
    what = st.tuples(
        st.integers(20, 300),
        st.sampled_from(("key", "key", "model", "model", "way")),
        st.sampled_from(KEYS),
    )
    return draw(st.lists(what, max_size=40))


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from((0x80, 0x90)), st.sampled_from(KEYS)),
        max_size=60,
    )
)
def test_without_a_way_back_nothing_hangs_though_a_key_is_struck_twice(played):
    line, down = Line(None), set()
    at = 0.0
    for gap_ms, kind, pitch in [*played, *((30, 0x80, pitch) for pitch in KEYS)]:
        at += gap_ms / 1000
        what = 0x80 if pitch in down and pitch != KEYS[0] else kind
        line.player(at, what, pitch, 80)
        (down.add if what == 0x90 else down.discard)(pitch)
    assert line.sounding == set()


@given(stage(), st.sampled_from((0.001, 0.004, 0.015)), st.booleans(), st.sampled_from((0, 1)))
def test_with_a_way_back_that_comes_and_goes_nothing_hangs(happens, delay, is_there, channel):
    line = Line(delay if is_there else None)
    at, down, model = 0.0, set(), set()

    def turn_over(key, held, who, channel):
        who(at, (0x80 if key in held else 0x90) | channel, key, 80)
        held ^= {key}

    for gap_ms, what, pitch in happens:
        at += gap_ms / 1000
        if what == "way":
            line._pass_until(at)
            line.delay = delay if line.delay is None else None
        elif what == "key":
            turn_over(pitch, down, line.player, 0)
        else:
            turn_over(pitch, model, line.model, channel)
    for pitch in KEYS:
        at += 0.1
        if pitch in down:
            turn_over(pitch, down, line.player, 0)
        if pitch in model:
            turn_over(pitch, model, line.model, channel)
    line._pass_until(at + 30.0)
    assert line.sounding == set()
