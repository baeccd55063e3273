"""The music follows a MIDI clock, on a simulated one."""

from __future__ import annotations

import statistics

import pytest

from live.core.midi_clock import CONTINUE, SONG_POSITION, START, STOP
from live.messages import LinkState, Said
from tests.core.room import Room
from tests.core.sequencer import Sequencer, started

NOTE_ON_C = bytes([0x90, 60, 80])


def lines(room):
    return [said.line for said in room.others if isinstance(said, Said)]


def position(sixteenths):
    return SONG_POSITION, sixteenths & 0x7F, sixteenths >> 7


def player(room, *onsets):
    return [room.note(onset, 0.5, 60) for onset in onsets]


def test_notes_stand_on_the_clocks_ticks_two_beats_after_start():
    room = Room(mode="continue", clock="midi", bpm=90)
    clock = started(jitter_s=0.003).run(120, 132)
    room.play(clock.messages, [(2.1, NOTE_ON_C), (2.3, bytes([0x80, 60, 0]))])
    errors = clock.phase_errors_ms(room, clock.ticks[48] + 0.1)
    assert len(errors) > 50
    assert statistics.mean(errors) < 2.0
    assert any("following the MIDI clock" in line for line in lines(room))


def test_bars_begin_where_the_song_began():
    room = Room(mode="call", handover="bar", clock="midi", bpm=90)
    clock = started().run(40, 120)
    phrase = [(clock.ticks[24 * 5] + i / 4, bytes([0x90, 60 + i, 80])) for i in range(4)]
    phrase += [(at_s + 0.2, bytes([0x80, data[1], 0])) for at_s, data in phrase]
    room.play(clock.messages, phrase)
    assert room.model
    assert room.model[0].onset_s == pytest.approx(clock.ticks[24 * 8], abs=0.001)


@pytest.mark.parametrize("after", [80, 170])
def test_a_new_tempo_is_the_musics_too(after):
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started(jitter_s=0.003).run(32, 120).run(60, after)
    room.play(clock.messages, *player(room, 5))
    errors = clock.phase_errors_ms(room, clock.ticks[24 * 34] + 0.1)
    assert len(errors) > 20
    assert statistics.mean(errors) < 2.0
    assert room.core.view(room.now).bpm == pytest.approx(after, rel=0.01)


def drift(minutes):
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started(jitter_s=0.003, lost=0.002)
    for minute in range(minutes):
        clock.run(120, (118, 121, 126, 119.5)[minute % 4])
    room.play(clock.messages, *player(room, 5))
    errors = clock.phase_errors_ms(room, clock.ticks[48] + 0.1)
    tail = errors[-200:]
    # The ticks were counted right, so that the last bar line is the song's.
    at_bar = clock.ticks[-1 - (len(clock.ticks) - 1) % 96]
    tick = room.core.clock.tick_at(at_bar)
    off = (tick - room.core.clock.downbeat_tick + 48) % 96 - 48
    return errors, tail, off


def test_nothing_drifts_in_five_minutes():
    errors, tail, off = drift(5)
    assert statistics.mean(errors) < 2.0
    assert statistics.mean(tail) < 2.0
    assert abs(off) < 0.25


@pytest.mark.slow
def test_nothing_drifts_in_half_an_hour():
    errors, tail, off = drift(30)
    assert statistics.mean(errors) < 2.0
    assert statistics.mean(tail) < 2.0
    assert abs(off) < 0.25


def test_the_music_stops_with_the_clock_and_goes_on_with_it():
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started().run(16)
    stopped_s = clock.now
    clock.send(STOP)
    clock.now += 3
    clock.send(CONTINUE)
    continued_s = clock.now
    clock.run(16)
    room.play(clock.messages, *player(room, 5))
    assert room.yields[-1] == pytest.approx(stopped_s)
    sounding = [n for n in room.model if n.onset_s <= stopped_s]
    assert sounding
    assert all(n.release_s <= stopped_s for n in sounding)
    later = [n for n in room.model if n.onset_s > stopped_s]
    assert later
    assert min(n.onset_s for n in later) >= continued_s


def test_nothing_is_answered_while_the_clock_is_stopped():
    room = Room(mode="call", clock="midi", bpm=120)
    clock = started().run(8)
    clock.send(STOP)
    clock.run(40)  # many devices send clock messages all the time
    room.play(clock.messages, *player(room, 14, 15))
    assert room.model == []
    room.command(40, "your_turn")
    assert room.model == []
    assert any("stopped" in line for line in lines(room))


def test_what_waited_for_start_begins_on_a_beat_of_the_song():
    room = Room(mode="call", clock="midi", bpm=120)
    clock = started().run(8)
    clock.send(STOP)
    clock.now += 4.007
    clock.send(START)
    clock.now += 0.05
    begun = len(clock.ticks)
    clock.run(8)
    room.play(clock.messages, *player(room, 14, 15))
    assert room.model
    beats = clock.ticks[begun::24]
    assert min(abs(room.model[0].onset_s - beat_s) for beat_s in beats) < 0.001


def test_of_what_was_played_before_start_the_latest_phrase_is_answered():
    room = Room(mode="call", clock="midi", bpm=120)
    clock = started().run(8)
    clock.send(STOP)
    clock.now += 20
    clock.send(START)
    clock.run(60)
    room.play(clock.messages, *player(room, *range(14, 44), 48, 49))
    onsets = [note.onset_s for note in room.model]
    assert onsets
    assert max(onsets) - min(onsets) < 2 * 0.5


def test_a_clock_that_falls_silent_stops_the_music_and_is_followed_when_it_is_back():
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started().run(16)
    silent_s = clock.now
    clock.now += 4.0
    clock.run(16)
    back_s = clock.ticks[16 * 24]
    room.play(clock.messages, *player(room, 5))
    assert not [n for n in room.model if silent_s + 0.6 < n.onset_s < back_s]
    assert [n for n in room.model if n.onset_s > back_s]
    assert any("silent" in line for line in lines(room))
    # 4 s are two bars at 120 BPM: the bars stand where they would have stood.
    at_bar = clock.ticks[(16 + 4) * 24]
    tick = room.core.clock.tick_at(at_bar)
    assert (tick - room.core.clock.downbeat_tick + 48) % 96 == pytest.approx(48, abs=0.25)


def test_a_clock_that_fell_silent_and_is_continued_goes_on_where_it_stopped():
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started().run(9)
    clock.now += 1.7
    clock.send(CONTINUE)
    room.play(clock.run(8).messages)
    tick = room.core.clock.tick_at(clock.ticks[12 * 24])
    off = (tick - room.core.clock.downbeat_tick + 48) % 96 - 48
    assert off == pytest.approx(0, abs=0.25)


@pytest.mark.parametrize("after", [[STOP], []])
def test_a_start_that_no_clock_follows_is_no_reason_to_play_on(after):
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started().run(16)
    for message in (START, *after):
        clock.send(message)
    room.play(clock.messages, *player(room, 5), until=40)
    assert max(n.release_s for n in room.model) <= clock.now + 0.51


def test_clock_messages_without_start_lead_nobody_and_the_music_goes_on():
    def played(*clock):
        room = Room(mode="continue", clock="midi", bpm=100)
        room.play(*clock, *player(room, 1), until=40)
        return room, [(n.onset_s, n.pitch) for n in room.model]

    free, alone = played()
    unstarted, beside = played(Sequencer().run(40, 137).messages)
    assert alone == beside
    assert len(alone) > 10
    assert [line for line in lines(unstarted) if "was not started" in line] == [
        line for line in lines(unstarted) if "MIDI clock" in line
    ]
    assert lines(free) == []


def test_a_song_position_in_the_middle_of_a_bar_while_it_runs_changes_nothing():
    def bar_lines(*messages):
        room = Room(mode="continue", clock="midi", bpm=120)
        clock = started().run(12)
        passed_s = clock.now + 0.005
        for message in messages:
            clock.send(*message)
        clock.now = passed_s
        clock.run(12)
        room.play(clock.messages, *player(room, 5))
        return room, room.core.clock.downbeat_tick % 96, [(n.onset_s, n.pitch) for n in room.model]

    _, bar, notes = bar_lines()
    room, told_bar, told_notes = bar_lines(position(6), position(7))
    assert (told_bar, told_notes) == (bar, notes)
    assert len([line for line in lines(room) if "middle of a bar" in line]) == 1
    assert "bar 1, beat 2.5" in "".join(lines(room))


@pytest.mark.parametrize(("sixteenths", "to_next_bar"), [(16, 4.0), (6, 2.5)])
def test_it_goes_on_from_a_song_position(sixteenths, to_next_bar):
    room = Room(mode="call", clock="midi", bpm=120)
    clock = started().run(9)
    clock.send(STOP)
    clock.send(*position(sixteenths))
    clock.now += 1
    clock.send(CONTINUE)
    clock.run(16)
    room.play(clock.messages)
    bar_s = clock.ticks[round((9 + to_next_bar) * 24)]
    tick = room.core.clock.tick_at(bar_s)
    off = (tick - room.core.clock.downbeat_tick + 48) % 96 - 48
    assert off == pytest.approx(0, abs=0.25)
    assert any("middle of a bar" in line for line in lines(room)) == (sixteenths == 6)


def test_solo_begins_anew_with_start():
    room = Room(mode="solo", clock="midi", bpm=120)
    clock = Sequencer(start_s=3.0)
    clock.send(START)
    clock.run(12)
    clock.send(STOP)
    clock.now += 1
    clock.send(START)
    begun_s = clock.now
    clock.run(12)
    room.play(clock.messages)
    again = [n for n in room.model if n.onset_s >= begun_s]
    assert again
    assert again[0].onset_s == pytest.approx(clock.ticks[16 * 24], abs=0.002)  # its second bar


def test_the_tempo_setting_waits_while_the_midi_clock_leads():
    room = Room(mode="call", clock="midi", bpm=100)
    clock = started().run(16, 120)
    room.play(clock.messages)
    room._take(room.core.change(room.now, bpm=150.0))
    assert room.core.view(room.now).bpm == pytest.approx(120, rel=0.001)
    assert any("MIDI clock's" in line for line in lines(room))
    room._take(room.core.change(room.now, clock="internal"))
    assert room.core.view(room.now).bpm == pytest.approx(150)
    assert room.core.settings.bpm == 150


def test_the_clocks_tempo_is_kept_when_it_leads_no_more_and_no_other_was_asked_for():
    room = Room(mode="call", clock="midi", bpm=100)
    room.play(started().run(16, 120).messages)
    room._take(room.core.change(room.now, clock="internal"))
    assert room.core.view(room.now).bpm == pytest.approx(120, rel=0.001)
    assert room.core.settings.bpm == pytest.approx(120, abs=0.5)


def test_link_that_is_not_followed_changes_nothing():
    room = Room(mode="continue", clock="midi", bpm=120)
    clock = started().run(16)
    room.play(clock.messages, *player(room, 5))
    before = room.core.pulse()
    assert room.core.hear(room.now, LinkState(3.25, 77.0, playing=True, peers=1)) == []
    assert room.core.pulse() == before
