"""MIDI files: pedal, drums, programs, place in the bar, and the oddities that real files have."""

from __future__ import annotations

from pathlib import Path

import pytest
from mido import Message, MetaMessage

from live.events import DRUMS
from tests.music import note, write
from training.reading import UnreadableError, read


def pedal(time: int, value: int, channel: int = 0):
    return (time, Message("control_change", control=64, value=value, channel=channel))


def spans(path: Path):
    return [(n.onset_ticks, n.pitch, n.duration_ticks) for n in read(path).notes]


def test_times_are_24ths_of_a_beat_at_any_resolution_and_tempo(tmp_path):
    for beat in (96, 480, 1000):
        tempo = (0, MetaMessage("set_tempo", tempo=300_000 + beat))
        path = write(
            tmp_path / "a.mid", [tempo, *note(0, beat), *note(beat, beat * 3 // 2, 62)], beat=beat
        )
        assert spans(path) == [(0, 60, 24), (24, 62, 12)]


def test_a_tempo_of_zero_does_no_harm(tmp_path):
    path = write(tmp_path / "a.mid", [(0, MetaMessage("set_tempo", tempo=0)), *note(0, 480)])
    assert spans(path) == [(0, 60, 24)]


def test_the_pedal_holds_a_note_until_it_is_lifted(tmp_path):
    path = write(
        tmp_path / "a.mid", [pedal(0, 127), *note(0, 240), pedal(960, 0), *note(960, 1200, 62)]
    )
    assert spans(path) == [(0, 60, 48), (48, 62, 12)]


def test_the_pedal_holds_a_note_no_longer_than_to_the_next_stroke_of_its_key(tmp_path):
    path = write(tmp_path / "a.mid", [pedal(0, 64), *note(0, 240), *note(480, 600), pedal(960, 0)])
    assert spans(path) == [(0, 60, 24), (24, 60, 24)]


def test_a_pedal_that_is_barely_touched_is_up(tmp_path):
    path = write(tmp_path / "a.mid", [pedal(0, 63), *note(0, 240), pedal(960, 0)])
    assert spans(path) == [(0, 60, 12)]


def test_the_pedal_in_one_hand_s_track_holds_the_other_s_notes(tmp_path):
    path = write(
        tmp_path / "a.mid", [pedal(0, 127), *note(0, 240, 72), pedal(960, 0)], note(0, 240, 48)
    )
    assert spans(path) == [(0, 48, 48), (0, 72, 48)]


def test_a_pedal_that_is_never_lifted_holds_to_the_end(tmp_path):
    path = write(tmp_path / "a.mid", [pedal(0, 127), *note(0, 240), *note(480, 960, 62)])
    assert spans(path) == [(0, 60, 48), (24, 62, 24)]


def test_the_pedal_does_not_hold_drums_or_another_instrument(tmp_path):
    bass = [(0, Message("program_change", program=33, channel=1)), *note(0, 240, 40, channel=1)]
    path = write(
        tmp_path / "a.mid", [pedal(0, 127), *note(0, 240), pedal(960, 0)], bass, note(0, 240, 36, 9)
    )
    assert [(n.instrument, n.duration_ticks) for n in read(path).notes] == [
        (DRUMS, 12),
        (33, 12),
        (0, 48),
    ]


def test_velocities_programs_and_drums_are_kept(tmp_path):
    flute = [(0, Message("program_change", program=73, channel=3)), *note(0, 480, 72, 3, 101)]
    path = write(tmp_path / "a.mid", flute, note(0, 480, 38, 9, 30))
    assert [(n.pitch, n.instrument, n.velocity) for n in read(path).notes] == [
        (38, DRUMS, 30),
        (72, 73, 101),
    ]


def test_a_key_struck_again_while_it_sounds_is_two_notes_that_do_not_overlap(tmp_path):
    first, second = note(0, 960), note(480, 1440)
    path = write(tmp_path / "a.mid", sorted([*first, *second], key=lambda pair: pair[0]))
    assert spans(path) == [(0, 60, 24), (24, 60, 48)]


def test_one_pitch_begun_twice_at_once_is_the_longer_note(tmp_path):
    path = write(tmp_path / "a.mid", note(0, 240, velocity=90), note(0, 480, velocity=40))
    (only,) = read(path).notes
    assert (only.duration_ticks, only.velocity) == (24, 90)


def test_a_note_of_no_length_has_the_least_length(tmp_path):
    assert spans(write(tmp_path / "a.mid", note(0, 0))) == [(0, 60, 1)]


def test_the_place_in_the_bar_follows_the_time_signatures(tmp_path):
    three = (0, MetaMessage("time_signature", numerator=3, denominator=4))
    six = (1440, MetaMessage("time_signature", numerator=6, denominator=8))
    notes = [
        *note(0, 100),
        *note(960, 1000),
        six,
        *note(1440, 1500),
        *note(2880, 2900),
        *note(3120, 3200),
    ]
    path = write(tmp_path / "a.mid", [three, *notes])
    assert [n.bar_ticks for n in read(path).notes] == [0, 48, 0, 0, 12]


def test_without_a_time_signature_the_place_in_the_bar_is_unknown(tmp_path):
    assert read(write(tmp_path / "a.mid", note(0, 480))).notes[0].bar_ticks is None


def test_a_short_first_time_signature_is_a_pick_up(tmp_path):
    one = (0, MetaMessage("time_signature", numerator=1, denominator=4))
    four = (480, MetaMessage("time_signature", numerator=4, denominator=4))
    path = write(tmp_path / "a.mid", [one, *note(0, 480), four, *note(480, 960)])
    assert [n.bar_ticks for n in read(path).notes] == [72, 0]


def test_one_track_can_be_read_alone(tmp_path):
    named = [(0, MetaMessage("track_name", name="Player")), *note(0, 480, 60)]
    other = [(0, MetaMessage("track_name", name="Model")), *note(0, 480, 72)]
    path = write(tmp_path / "a.mid", named, other)
    assert [n.pitch for n in read(path, track="player").notes] == [60]


def test_a_file_without_notes_is_refused(tmp_path):
    with pytest.raises(UnreadableError, match="no notes"):
        read(write(tmp_path / "a.mid", [pedal(0, 127)]))


@pytest.mark.parametrize("cut", [0, 3, 13, 20, 30])
def test_a_truncated_file_is_refused_in_one_line(tmp_path, cut):
    path = write(tmp_path / "a.mid", note(0, 480))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnreadableError) as refusal:
        read(path)
    assert str(refusal.value).count("\n") == 0


@pytest.mark.parametrize("division", [b"\x00\x00", b"\xe7\x28"])
def test_a_file_that_does_not_count_in_beats_is_refused(tmp_path, division):
    path = write(tmp_path / "a.mid", note(0, 480))
    content = path.read_bytes()
    path.write_bytes(content[:12] + division + content[14:])
    with pytest.raises(UnreadableError):
        read(path)
