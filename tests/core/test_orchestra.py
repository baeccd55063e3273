"""Instruments, channels, programs and the pedal, on a simulated clock."""

from __future__ import annotations

from collections import Counter

import pytest

from live.core.keys import pitch_classes
from live.core.orchestra import parse_ensemble
from live.events import COLUMN, DRUMS, INSTRUMENT, UNKNOWN
from live.messages import ProgramChange
from tests.core.room import FlatNetwork, Room, Sure

PIANO, BASS = 0, 32


class Attentive(FlatNetwork):
    """Keeps every event that it hears."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def run(self, events, states, **sampling):
        self.heard += [tuple(row) for row in events]
        return super().run(events, states, **sampling)

    def instruments(self):
        """Return (instrument, pitch) of the notes that it has heard."""
        return {
            (INSTRUMENT.decode(int(row[COLUMN["instrument"]])), int(row[COLUMN["pitch"]]) - 1)
            for row in self.heard
            if row[COLUMN["pitch"]] != UNKNOWN
        }


def continued(network=None, until=40, channel=0, **settings):
    room = Room(network or FlatNetwork(), mode="continue", **settings)
    room.play(*[room.note(i, 0.9, 57 + i, channel=channel) for i in range(8)], until=until)
    return room


def programs(room):
    return [(p.channel, p.program) for p in room.others if isinstance(p, ProgramChange)]


def test_alone_the_model_plays_what_the_player_plays_on_its_channel():
    network = Attentive()
    room = continued(network, instrument=40, output_channel=3)
    assert {n.channel for n in room.model} == {3}
    assert {instrument for instrument, _ in network.instruments()} == {40}


def test_instruments_go_to_their_channels():
    table = ((PIANO, 0), (BASS, 4), (DRUMS, 9))
    network = Attentive()
    room = continued(network, channels=table)
    assert {n.channel for n in room.model} == {0, 4, 9}
    assert {i for i, _ in network.instruments()} == {PIANO, BASS, DRUMS}


def test_some_of_them_may_be_chosen_and_others_at_any_time():
    table = ((PIANO, 0), (BASS, 4), (DRUMS, 9))
    room = continued(channels=table, ensemble="drums, 32")
    assert {n.channel for n in room.model} == {4, 9}
    moment = room.now
    room._take(room.core.change(moment, ensemble="0"))
    room.pass_until(moment + 10)
    assert {n.channel for n in room.model if n.handed_out_s > moment} == {0}


def test_channels_may_change_while_it_plays_and_no_note_is_left_behind():
    room = continued(ensemble="0, 32", channels=((PIANO, 0), (BASS, 4)), until=30)
    moment, horizon_s = room.now, room.settings.horizon_s
    room._take(room.core.change(moment, channels=((PIANO, 2), (BASS, 5))))
    room.pass_until(moment + 10)
    before = [n for n in room.model if n.channel in (0, 4)]
    after = [n for n in room.model if n.channel in (2, 5)]
    assert len(before) + len(after) == len(room.model)
    assert {n.channel for n in before} == {0, 4}
    assert {n.channel for n in after} == {2, 5}
    # What was handed out already, a horizon ahead, sounds as it was; the next note does not.
    assert max(n.handed_out_s for n in before) <= moment <= min(n.handed_out_s for n in after)
    assert max(n.onset_s for n in before) <= moment + horizon_s
    assert min(n.onset_s for n in after) < moment + horizon_s + 2 * room.beat


def test_each_of_several_is_heard_though_the_network_expects_one_alone():
    pianist = Sure(instrument=(PIANO,), confidence=12.0)
    room = continued(pianist, until=400, ensemble="0, 32, drums", channels=((BASS, 4),), min_p=0.05)
    heard = Counter(n.channel for n in room.model)
    assert heard[0] > heard[4] > len(room.model) / 20
    assert heard[0] > heard[9] > len(room.model) / 20
    alone = continued(pianist, until=100, ensemble="0")
    assert {n.channel for n in alone.model} == {0}


def test_who_has_no_channel_of_his_own_plays_on_the_models_and_drums_on_10():
    room = continued(ensemble="0, 5, drums", output_channel=2)
    assert {n.channel for n in room.model} == {2, 9}


def test_a_drum_has_no_pitch_that_a_key_could_bound():
    room = continued(
        until=200, ensemble="0, drums", key="C chord", lowest_pitch=60, highest_pitch=72
    )
    drums = {n.pitch for n in room.model if n.channel == 9}
    pitched = {n.pitch for n in room.model if n.channel == 0}
    assert pitched == {60, 64, 67, 72}
    assert len({p % 12 for p in drums}) > 6
    assert min(drums) < 50


def test_the_players_drums_tell_no_key():
    room = continued(instrument=DRUMS, key="follow")
    assert room.core.view(room.now).key == ""


def test_a_split_gives_the_hands_their_own_instruments():
    network = Attentive()
    continued(network, instrument=PIANO, left_instrument=BASS, split=60)
    first = [row for row in network.heard if row[COLUMN["pitch"]] != UNKNOWN][:8]
    assert [INSTRUMENT.decode(int(r[0])) for r in first] == [BASS] * 3 + [PIANO] * 5


def test_no_program_is_changed_unasked():
    assert programs(continued(channels=((BASS, 4),))) == []


def test_each_channel_is_told_its_program_once():
    table = ((PIANO, 0), (BASS, 4), (DRUMS, 9))
    room = continued(channels=table, program_changes=True, instrument=40, channel=7)
    assert sorted(programs(room)) == [(0, PIANO), (4, BASS), (7, 40)]
    told = len(room.others)
    room._take(room.core.change(room.now, ensemble="32"))
    room._take(room.core.advance(room.now))
    assert programs(room)[told:] == []  # the bass has been told
    room._take(room.core.change(room.now, instrument=41))
    room._take(room.core.advance(room.now))
    assert programs(room)[-1] == (7, 41)


def test_the_models_programs_are_there_before_its_first_note():
    room = Room(mode="solo", program_changes=True, instrument=12, output_channel=5)
    first = room.core.advance(0.0)
    assert ProgramChange(0.0, 5, 12) in first


def test_the_left_hands_channel_is_told_its_own_program():
    hands = {"instrument": 0, "left_instrument": BASS, "left_channel": 6}
    room = continued(program_changes=True, channel=2, output_channel=1, **hands)
    assert sorted(programs(room)) == [(1, 0), (2, 0), (6, BASS)]


def test_long_notes_hold_the_pedal_if_that_is_asked_for():
    room = continued(pedal_out=True)
    assert {n.pedal for n in room.model} == {True, False}
    assert all(n.pedal == (n.release_s - n.onset_s >= room.beat - 1e-9) for n in room.model)
    assert {n.pedal for n in continued(pedal_out=False).model} == {False}
    assert {n.pedal for n in continued(pedal_out=True, ensemble="drums").model} == {False}


def test_programs_are_told_again_after_a_panic():
    room = continued(program_changes=True)
    before = len(programs(room))
    room.command(41, "panic")
    assert len(programs(room)) == 2 * before


def test_several_instruments_make_chords_that_are_spelled_in_order():
    network = Attentive()
    room = continued(network, until=400, ensemble="0, 32")
    chords = {}
    for n in room.model:
        chords.setdefault(round(n.onset_s, 6), []).append((n.pitch, n.channel))
    assert any(len(chord) > 1 for chord in chords.values())
    for chord in chords.values():
        pitches = [pitch for pitch, _ in chord]
        assert pitches == sorted(pitches)


@pytest.mark.parametrize("text", ["piano", "0 32", "129", "-1", "0,", "1.5"])
def test_what_is_no_instrument_is_refused(text):
    with pytest.raises(ValueError, match="drums"):
        parse_ensemble(text)


def test_ensembles_are_read():
    assert parse_ensemble("") == ()
    assert parse_ensemble(" 32, 0 ,drums") == (0, 32, DRUMS)


def test_the_pedal_extends_what_was_heard_and_what_the_key_is_told_from():
    def heard(pedal):
        room = Room(mode="listen")
        down = [(0.1, bytes([0xB0, 64, 127]))] if pedal else []
        up = [(2.0, bytes([0xB0, 64, 0]))] if pedal else []
        room.play(room.note(0.5, 0.5, 60), room.note(1, 0.5, 64), down, up, until=8)
        return [entry.note.duration_ticks for entry in room.core._score._entries]

    assert heard(pedal=False) == [12, 12]
    assert heard(pedal=True) == [round((2.0 / 0.5 - onset) * 24) for onset in (0.5, 1)]


def test_follow_gives_notes_under_the_pedal_their_weight():
    # A tonic that rings under the pedal weighs more than the notes that pass above it.
    room = Room(mode="continue", key="follow")
    scale = [62, 64, 65, 67, 69, 70, 72, 74]
    held = [(0.0, b"\xb1\x40\x7f"), (0.0, b"\x91\x26\x5a"), (0.1, b"\x81\x26\x00")]
    passing = [room.note(i / 2, 0.2, pitch) for i, pitch in enumerate(scale * 2)]
    room.play(held, *passing, [(7.9, b"\xb1\x40\x00")])
    room.play(room.note(16, 0.5, 69), until=40)
    assert room.core.view(room.now).key == "D minor"
    assert {n.pitch % 12 for n in room.model} <= pitch_classes("D minor") | {1}
