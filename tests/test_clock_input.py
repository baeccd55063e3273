"""Clock messages that come in, and who is told of them."""

from __future__ import annotations

from live.core.midi_clock import CLOCK, CONTINUE, SONG_POSITION, START, STOP
from live.midi_io.clock_input import ClockInput

TICK, BEGIN, END = bytes([CLOCK]), bytes([START]), bytes([STOP])


def test_a_clock_that_is_not_followed_is_dropped_and_said_once():
    clock = ClockInput("internal")
    assert clock.relay(0.0, TICK) == []
    assert "time.clock" in clock.hint(TICK)
    assert clock.hint(TICK) is None


def test_link_goes_on_to_lead_when_midi_clock_comes_as_well():
    clock = ClockInput("link")
    assert clock.relay(0.0, BEGIN) == clock.relay(0.0, TICK) == []
    assert "Link goes on to lead" in clock.hint(TICK)
    assert clock.hint(TICK) is None


def test_a_newcomer_is_told_where_the_song_is():
    clock = ClockInput("midi")
    clock.relay(0.0, BEGIN)
    for _ in range(100):
        assert clock.relay(0.0, TICK) == [TICK]
    clock.newcomer()
    told = [clock.relay(0.0, TICK) for _ in range(10)]
    assert told[:2] == [[TICK], [TICK]]
    # The 103rd message is tick 102 of the song: 17 sixteenths.
    assert told[2] == [bytes([SONG_POSITION, 17, 0]), bytes([CONTINUE]), TICK]
    assert told[3:] == [[TICK]] * 7


def test_a_newcomer_hears_nothing_more_of_a_song_that_stands():
    clock = ClockInput("midi")
    for message in (BEGIN, TICK, END):
        clock.relay(0.0, message)
    clock.newcomer()
    assert [clock.relay(0.0, TICK) for _ in range(8)] == [[TICK]] * 8


def test_a_clock_that_is_followed_already_goes_on():
    clock = ClockInput("midi")
    clock.relay(0.0, BEGIN)
    clock.follow("midi")
    clock.newcomer()
    assert clock.relay(0.0, TICK) == [bytes([SONG_POSITION, 0, 0]), bytes([CONTINUE]), TICK]
