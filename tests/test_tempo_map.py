"""Tempo and bars in the recording: every note in time, and bar lines where the bars were."""

from __future__ import annotations

import mido
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from live.beat_mark import BeatMark
from live.core.clock import BeatClock
from live.journal_line import Line
from live.tempo_map import SCALE, TICKS_PER_BEAT, TempoMap

BAR = 4 * TICKS_PER_BEAT


def mark(clock, time_s):
    return BeatMark.of(clock, time_s)


def seconds_of(times, ticks):
    """Return the moments of ticks, as whoever plays the file finds them."""
    tempi = [(tick, m.tempo) for tick, m in times.messages() if m.type == "set_tempo"]
    found = []
    for tick in ticks:
        at_s = 0.0
        for i, (begin, tempo) in enumerate(tempi):
            end = tempi[i + 1][0] if i + 1 < len(tempi) else tick
            at_s += mido.tick2second(max(0, min(end, tick) - begin), TICKS_PER_BEAT, tempo)
        found.append(at_s)
    return found


def bars_of(times):
    return [(tick, m.numerator) for tick, m in times.messages() if m.type == "time_signature"]


def test_without_marks_there_is_one_tempo():
    times = TempoMap(90.0, 3)
    assert times.tick_of(2.0) == 3 * TICKS_PER_BEAT
    assert [m.type for _, m in times.messages()] == ["set_tempo", "time_signature"]


@pytest.mark.parametrize("began_s", [1.3, 2.0, 2.9, 7.77])
def test_first_note_stands_on_a_bar_line_however_long_it_was_waited_for(began_s):
    clock = BeatClock(120.0, 4)
    clock.start_bar(100.0 + began_s)
    times = TempoMap(120.0, 4)
    moved = mark(clock, 100.0 + began_s)
    times.add(BeatMark(began_s, *moved.rest), 0.0)
    assert times.tick_of(began_s) % BAR == 0
    assert times.tick_of(began_s) > 0
    assert times.tick_of(began_s + 0.5) == times.tick_of(began_s) + TICKS_PER_BEAT
    assert seconds_of(times, [times.tick_of(began_s + 3.0)])[0] == pytest.approx(
        began_s + 3.0, abs=1e-3
    )


def test_bars_that_begin_anew_stretch_the_silence_and_nothing_else():
    clock = BeatClock(100.0, 4)
    clock.start_bar(2.0)
    times = TempoMap(100.0, 4)
    times.add(mark(clock, 2.0), 0.0)
    sounded = [2.0, 2.6, 3.2, 3.8]
    clock.start_bar(9.9)
    times.add(mark(clock, 9.9), sounded[-1])
    beats = [(times.tick_of(at) - times.tick_of(2.0)) / TICKS_PER_BEAT for at in sounded]
    assert beats == [0, 1, 2, 3]
    assert times.tick_of(9.9) % BAR == times.tick_of(2.0) % BAR == 0
    assert times.tick_of(9.9 + 0.6) - times.tick_of(9.9) == TICKS_PER_BEAT
    assert (times.tick_of(7.4) - times.tick_of(2.0)) / TICKS_PER_BEAT == 9  # not all of it
    tempi = [m.tempo for _, m in times.messages() if m.type == "set_tempo"]
    assert tempi.count(600_000) == 2
    assert len(tempi) == 4  # the stretched silence before each of the two


def test_bars_stay_where_there_is_no_silence_to_stretch():
    clock = BeatClock(120.0, 4)
    times = TempoMap(120.0, 4)
    times.add(mark(clock, 0.0), 0.0)
    clock.start_bar(3.3)
    times.add(mark(clock, 3.3), 3.299)
    tick = round(6.6 * 24)  # the grid's nearest
    assert times.tick_of(3.3) == tick * SCALE
    assert times.tick_of(3.8) == (tick + 24) * SCALE


def test_another_tempo_is_another_tempo_and_the_beats_go_on():
    clock = BeatClock(120.0, 4)
    clock.start_bar(2.0)
    times = TempoMap(120.0, 4)
    times.add(mark(clock, 2.0), 0.0)
    clock.change_tempo(3.25, 60.0)
    times.add(mark(clock, 3.25), 3.2)
    first = times.tick_of(2.0)
    assert times.tick_of(3.25) - first == 2.5 * TICKS_PER_BEAT
    assert times.tick_of(4.25) - first == 3.5 * TICKS_PER_BEAT


def test_other_bars_begin_with_the_present_one():
    clock = BeatClock(120.0, 4)
    clock.start_bar(2.0)
    times = TempoMap(120.0, 4)
    times.add(mark(clock, 2.0), 0.0)
    clock.change_bars(5.0, 3)  # on the third beat of the second bar
    times.add(mark(clock, 5.0), 4.9)
    first = times.tick_of(2.0)
    assert bars_of(times) == [(0, 4), (first + BAR, 3)]


def test_a_clock_that_leads_keeps_its_beats():
    """Its tempo wanders; a mark now and then, and each of its beats is one of the file's."""
    clock, times = BeatClock(120.0, 4), TempoMap(120.0, 4)
    latest, at_s, beats = mark(clock, 0.0), 0.0, []
    for beat in range(200):
        spb = 0.5 * (1 + 0.2 * ((beat // 16) % 3) + 0.0005 * beat)
        clock.follow(at_s, 24 * beat, spb / 24, 0)
        now = mark(clock, at_s)
        if not latest.foretells(now):
            latest = now
            times.add(now, at_s)
        beats.append((beat, at_s))
        at_s += spb
    for beat, at in beats:
        # A quarter of a grid tick is no news.
        assert times.tick_of(at) == pytest.approx(beat * TICKS_PER_BEAT, abs=SCALE / 2)
    assert len([m for _, m in times.messages() if m.type == "set_tempo"]) < 100


def test_what_was_played_before_a_leap_of_the_clock_stays_on_its_beats():
    """A clock that is followed has slowed down; it is known a moment later how far it has come."""
    clock, times = BeatClock(120.0, 4), TempoMap(120.0, 4)
    times.add(mark(clock, 0.0), 0.0)
    clock.follow(16.15, 24 * 32 + 3, 1.0 / 24, 0)  # instead of at 7.2 ticks
    times.add(mark(clock, 16.15), 16.1)
    for beat in range(30):
        assert times.tick_of(beat / 2) == pytest.approx(beat * TICKS_PER_BEAT, abs=1)
    assert times.tick_of(16.15) == 32 * TICKS_PER_BEAT + 3 * SCALE


def test_a_core_that_was_born_again_counts_from_elsewhere_and_time_goes_on():
    clock, times = BeatClock(120.0, 4), TempoMap(120.0, 4)
    clock.start_bar(2.0)
    times.add(mark(clock, 2.0), 0.0)
    fresh = BeatMark(10.0, 5.0, clock.seconds_per_tick, 5, 96)
    times.add(fresh, 8.0)
    assert times.tick_of(10.0) % BAR == 0
    assert times.tick_of(8.0) - times.tick_of(2.0) == 12 * TICKS_PER_BEAT


@pytest.mark.parametrize(
    "rest",
    [
        (),
        (1.0, 0.02, 3),
        ("x", 0.02, 0, 96),
        (float("nan"), 0.02, 0, 96),
        (1.0, 0.0, 0, 96),
        (1.0, 0.02, 0, 0),
        (1.0, 0.02, 0, 36),
        (1.0, 0.02, 0, 24 * 33),
        (1.0, 0.02, 10**30, 96),
        (1.0, 0.02, 0.5, 96),
    ],
)
def test_a_line_that_makes_no_sense_is_none(rest):
    assert BeatMark.read(Line("beat", 1.0, rest)) is None
    assert BeatMark.read(Line("in", 1.0, (1.0, 0.02, 0, 96))) is None


def test_beats_of_a_machine_that_was_never_switched_off_are_read():
    a_year_s = 365 * 86_400.0
    told = mark(BeatClock(240.0, 4), a_year_s)
    assert BeatMark.read(Line("beat", a_year_s, told.rest)) is not None


times_s = st.lists(st.floats(0.001, 40.0), min_size=1, max_size=12).map(sorted)


@given(
    times_s,
    st.lists(
        st.tuples(
            st.floats(-1e6, 1e6),
            st.floats(0.002, 0.2),
            st.integers(-(10**6), 10**6),
            st.sampled_from([24, 72, 96, 168]),
        ),
        min_size=12,
        max_size=12,
    ),
    times_s,
)
def test_whatever_is_marked_notes_sound_when_they_did(marked, rests, sounded):
    times = TempoMap(120.0, 4)
    for at, rest in zip(marked, rests, strict=False):
        given_mark = BeatMark.read(Line("beat", at, rest))
        assume(given_mark is not None)
        times.add(given_mark, max((s for s in sounded if s <= at), default=0.0))
    ticks = [times.tick_of(at) for at in sounded]
    assert ticks == sorted(ticks)
    longest_tick_s = 60.0 / 4.0 / TICKS_PER_BEAT
    for at, found in zip(sounded, seconds_of(times, ticks), strict=True):
        assert found == pytest.approx(at, abs=longest_tick_s)
    at_ticks = [tick for tick, _ in times.messages()]
    assert min(at_ticks) == 0
    assert at_ticks == sorted(at_ticks)
