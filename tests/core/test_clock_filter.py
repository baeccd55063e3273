"""The beat is found in clock messages that come early, late, or not at all."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest

from live.core.clock_filter import ClockFilter

TICK = 1 / 24


class Source:
    """A clock somewhere else: the true moments of its ticks, and what arrives of them."""

    def __init__(self, tempo, beats, *, jitter_s=0.003, lost=0.0, seed=1):
        """``tempo`` gives the beats per minute at a beat."""
        chance = random.Random(seed)
        self.times = [100.0]
        for tick in range(int(beats * 24)):
            self.times.append(self.times[-1] + 60 / tempo(tick * TICK) / 24)
        self.arrivals = sorted(
            (time_s + chance.uniform(-jitter_s, jitter_s), tick)
            for tick, time_s in enumerate(self.times)
            if tick < 2 or chance.random() >= lost
        )

    def errors_ms(self, ahead_s=0.1, skip=lambda tick: False):
        """Follow it; return the errors of what is foretold of ticks that are so far ahead."""
        clock = ClockFilter()
        errors = []
        for time_s, tick in self.arrivals:
            clock.hear(time_s)
            if clock.period_s is None:
                continue
            later = tick + round(ahead_s / clock.period_s)
            if later < len(self.times) and not skip(tick) and not skip(later):
                foretold_s = clock.time_s + (later - clock.tick) * clock.period_s
                errors.append(1000 * abs(foretold_s - self.times[later]))
        self.counted_wrong = clock.tick - self.arrivals[-1][1]
        return errors


@pytest.mark.parametrize("bpm", [40, 120, 240])
def test_jitter_of_3_ms_is_averaged_out_within_two_beats(bpm):
    source = Source(lambda beat: bpm, 120)
    errors = source.errors_ms(skip=lambda tick: tick < 48)
    assert statistics.mean(errors) < 1.0
    assert max(errors) < 3.0


def test_lost_messages_are_counted_all_the_same():
    source = Source(lambda beat: 120, 1200, lost=0.01)
    errors = source.errors_ms(skip=lambda tick: tick < 48)
    assert len(source.arrivals) < len(source.times) - 100
    assert source.counted_wrong == 0
    assert statistics.mean(errors) < 1.0


@pytest.mark.parametrize(("before", "after"), [(120, 90), (120, 60), (60, 180), (90, 93)])
def test_a_leap_of_the_tempo_is_no_loss_and_is_followed_within_two_beats(before, after):
    source = Source(lambda beat: before if beat % 32 < 16 else after, 256)
    errors = source.errors_ms(skip=lambda tick: tick % (16 * 24) < 48)
    assert source.counted_wrong == 0
    assert statistics.mean(errors) < 1.0


def test_a_tempo_that_rises_evenly_is_followed():
    source = Source(lambda beat: 100 + min(max(beat - 16, 0), 32), 64)
    errors = source.errors_ms(skip=lambda tick: tick < 48)
    assert source.counted_wrong == 0
    assert statistics.mean(errors) < 2.0


def test_messages_that_were_held_up_and_come_all_at_once_are_counted():
    source = Source(lambda beat: 120, 64, jitter_s=0.001)
    held_until_s = source.times[500] + 0.0005
    source.arrivals = [
        (max(at_s, held_until_s) if 496 <= tick <= 500 else at_s, tick)
        for at_s, tick in source.arrivals
    ]
    errors = source.errors_ms(skip=lambda tick: tick < 48 or 490 <= tick < 530)
    assert source.counted_wrong == 0
    assert max(errors) < 3.0


def test_messages_that_came_twice_are_counted_once():
    source = Source(lambda beat: 120, 300, jitter_s=0.001)
    repeated = [(at_s + 0.0013, tick) for at_s, tick in source.arrivals if tick % 100 == 50]
    source.arrivals = sorted(source.arrivals + repeated)
    errors = source.errors_ms(skip=lambda tick: tick < 48)
    assert source.counted_wrong == 0
    assert statistics.mean(errors) < 1.0


def test_it_says_when_it_is_locked():
    clock = ClockFilter()
    locked = []
    for at_s, _ in itertools.islice(Source(lambda beat: 120, 4).arrivals, 48):
        clock.hear(at_s)
        locked.append(clock.locked)
    assert not any(locked[:6])
    assert all(locked[40:])
    assert 60 / clock.period_s / 24 == pytest.approx(120, rel=0.01)


def test_no_flood_of_messages_is_a_tempo_and_what_follows_it_is_found_again():
    clock, time_s = ClockFilter(), 0.0
    for gap_s, count in ((0.0001, 3000), (1 / 48, 100), (0.001, 3000), (1 / 48, 100)):
        for _ in range(count):
            clock.hear(time_s)
            time_s += gap_s
            if clock.period_s is not None:
                assert 14.9 < 60 / 24 / clock.period_s < 450.1
    assert 60 / 24 / clock.period_s == pytest.approx(120, rel=0.01)
