"""The alphabet: what is spelled can be read again, on the grid exactly and off it closely."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.events import (
    BEAT_IN_BAR,
    COLUMN,
    DRUMS,
    DURATION,
    END,
    FIELDS,
    INSTRUMENT,
    MAX_TICKS,
    PITCH,
    PREDICTED,
    SHIFT,
    START,
    TICK_IN_BEAT,
    TICKS_PER_BEAT,
    TIMES,
    UNKNOWN,
    VELOCITY,
    Field,
    Note,
    alphabet,
    decode,
    decode_event,
    encode,
    encode_piece,
    place_tokens,
    special_event,
)

BEAT = TICKS_PER_BEAT


def known_or_not(values):
    return st.none() | st.sampled_from(values)


@st.composite
def notes_on_the_grid(draw):
    """Notes whose every field has a token of its own; a new onset or one more of the chord."""
    onset, notes = draw(st.integers(0, 10_000)), []
    for shift in draw(st.lists(st.sampled_from((0, 0, *TIMES)), max_size=30)):
        onset += shift
        notes.append(
            Note(
                onset_ticks=onset,
                pitch=draw(st.integers(0, 127)),
                instrument=draw(known_or_not(INSTRUMENT.values)),
                duration_ticks=draw(known_or_not(DURATION.values)),
                velocity=draw(known_or_not(VELOCITY.values)),
                bar_ticks=draw(st.none() | st.integers(0, 16 * BEAT - 1)),
            )
        )
    return notes


def plain_notes(onsets):
    return [Note(onset, 60, 0, 24, 66) for onset in onsets]


def onsets_of(notes):
    return [note.onset_ticks for note in notes]


# -- there and back ------------------------------------------------------------------------------


@given(notes_on_the_grid(), st.integers(0, 5000))
def test_notes_on_the_grid_come_back_exactly_as_they_were(notes, shift_of_first):
    ordered = sorted(notes, key=lambda note: note.sort_key)
    first = ordered[0].onset_ticks if ordered else 0
    before = first - SHIFT.round(shift_of_first)
    rows = encode(notes, before)
    assert rows.shape == (len(notes), len(FIELDS))
    assert rows.dtype == np.int32
    assert decode(rows, before) == ordered


@given(notes_on_the_grid())
def test_spelling_a_second_time_changes_nothing(notes):
    rows = encode_piece(notes)
    again = encode_piece(decode(rows))
    np.testing.assert_array_equal(again, rows)


def test_unknown_fields_stay_unknown():
    rows = encode([Note(48, 60)])
    row = dict(zip((f.name for f in FIELDS), rows[0].tolist(), strict=True))
    assert row.pop("pitch") == PITCH.encode(60)
    assert set(row.values()) == {UNKNOWN}
    assert decode(rows, 48) == [Note(48, 60)]


def test_place_in_the_bar_is_only_told_where_it_is_known():
    assert place_tokens(None) == (UNKNOWN, UNKNOWN)
    assert place_tokens(0) == (TICK_IN_BEAT.encode(0), BEAT_IN_BAR.encode(0))
    assert place_tokens(3 * BEAT + 7) == (TICK_IN_BEAT.encode(7), BEAT_IN_BAR.encode(3))
    beyond = place_tokens(16 * BEAT + 7)  # a bar longer than the field can count
    assert beyond == (TICK_IN_BEAT.encode(7), UNKNOWN)
    assert decode(encode([Note(0, 60, bar_ticks=16 * BEAT + 7)], 0))[0].bar_ticks is None


def test_predicted_columns_alone_are_enough_to_read_a_note():
    note = Note(96, 60, 3, 24, 66, bar_ticks=25)
    row = encode([note], 72)[0]
    assert decode_event(row[: len(PREDICTED)], 72) == Note(96, 60, 3, 24, 66)


def test_event_without_a_pitch_is_refused():
    row = encode([Note(0, 60, 0, 24, 66)], 0)[0]
    row[COLUMN["pitch"]] = UNKNOWN
    with pytest.raises(ValueError, match="pitch"):
        decode_event(row, 0)


# -- instruments, drums, chords ------------------------------------------------------------------


@given(st.sampled_from((None, *INSTRUMENT.values)))
def test_every_instrument_and_the_drums_have_a_token_of_their_own(instrument):
    token = INSTRUMENT.encode(instrument)
    assert token not in (START, END)
    assert INSTRUMENT.decode(token) == instrument
    assert (token == UNKNOWN) == (instrument is None)


def test_drums_are_told_from_the_last_program():
    assert INSTRUMENT.encode(DRUMS) != INSTRUMENT.encode(127)
    assert decode(encode([Note(0, 36, DRUMS, 6, 98)], 0))[0].instrument == DRUMS


@given(st.lists(st.integers(0, 127), min_size=1, max_size=12, unique=True), st.integers(0, 900))
def test_chord_is_spelled_lowest_first_with_shift_0(pitches, onset):
    rows = encode([Note(onset, pitch, 0, 24, 66) for pitch in pitches], 0)
    assert PITCH.encode(min(pitches)) == rows[0, COLUMN["pitch"]]
    assert [PITCH.decode(int(t)) for t in rows[:, COLUMN["pitch"]]] == sorted(pitches)
    assert [SHIFT.decode(int(t)) for t in rows[1:, COLUMN["shift"]]] == [0] * (len(pitches) - 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.sets(st.integers(0, 127), min_size=1, max_size=5)),
        max_size=20,
    )
)
def test_chord_stays_a_chord_wherever_it_is_rounded_to(chords):
    onset, notes = 0, []
    for shift, pitches in chords:
        onset += shift
        notes += [Note(onset, pitch, 0, 24, 66) for pitch in sorted(pitches)]
    decoded = decode(encode(notes, 0))
    for (a, b), (x, y) in zip(pairwise(sorted_notes(notes)), pairwise(decoded), strict=True):
        if a.onset_ticks == b.onset_ticks:
            assert x.onset_ticks == y.onset_ticks


def sorted_notes(notes):
    return sorted(notes, key=lambda note: note.sort_key)


# -- off the grid --------------------------------------------------------------------------------


def half_step_at(gap):
    """Return half the distance between the grid's neighbours of a gap."""
    below = max((t for t in TIMES if t <= gap), default=0)
    above = min((t for t in TIMES if t >= gap), default=MAX_TICKS)
    return (above - below) / 2


@given(st.lists(st.integers(0, MAX_TICKS - BEAT), min_size=1, max_size=200))
def test_errors_never_accumulate(gaps):
    onsets = np.cumsum(gaps).tolist()
    decoded = onsets_of(decode(encode(plain_notes(onsets), 0)))
    heard, error = 0, 0
    for gap, true, found in zip(gaps, onsets, decoded, strict=True):
        if gap == 0:
            assert found == heard  # of the chord before, wherever that stands
        elif true >= heard:
            assert abs(found - true) <= half_step_at(true - heard)
        else:
            assert found == heard  # as early as it can be
            assert found - true < error
        heard, error = found, abs(found - true)
        assert error <= BEAT / 2  # half of the coarsest step


@given(st.lists(st.integers(0, 4 * BEAT - 1), min_size=1, max_size=200))
def test_onsets_less_than_four_beats_apart_are_exact(gaps):
    onsets = np.cumsum(gaps).tolist()
    assert onsets_of(decode(encode(plain_notes(onsets), 0))) == onsets


def test_one_rounded_gap_is_made_good_by_the_next():
    onsets = [0, 97, 194, 291, 388, 485]  # 97 is between 96 and 100
    decoded = onsets_of(decode(encode(plain_notes(onsets), 0)))
    assert max(abs(a - b) for a, b in zip(onsets, decoded, strict=True)) <= 2


@given(st.integers(MAX_TICKS + 1, 10**6), st.lists(st.integers(0, 4 * BEAT - 1), max_size=20))
def test_too_long_a_rest_is_cut_without_moving_what_follows(rest, gaps):
    onsets = np.cumsum([0, rest, *gaps]).tolist()
    decoded = onsets_of(decode(encode(plain_notes(onsets), 0)))
    assert decoded[1] == MAX_TICKS
    assert np.diff(decoded[1:]).tolist() == gaps


@given(st.integers(-1000, 10**6))
def test_duration_is_never_nothing_and_never_beyond_the_table(duration):
    note = decode(encode([Note(0, 60, duration_ticks=duration)], 0))[0]
    assert 1 <= note.duration_ticks <= MAX_TICKS
    if 1 <= duration <= MAX_TICKS:
        assert abs(note.duration_ticks - duration) <= half_step_at(duration)


def test_note_before_the_one_it_follows_counts_as_its_chord():
    decoded = decode(encode([Note(90, 60)], previous_onset_ticks=96), 96)
    assert onsets_of(decoded) == [96]


# -- the tables ----------------------------------------------------------------------------------


def test_times_are_exact_for_four_beats():
    assert set(range(4 * BEAT + 1)) <= set(TIMES)


def test_times_keep_quarters_and_thirds_of_a_beat_further_on():
    wanted = {b * BEAT + part for b in range(4, 8) for part in (0, 6, 8, 12, 16, 18)}
    assert wanted <= set(TIMES)
    assert {b * BEAT + part for b in range(8, 16) for part in (0, 8, 12, 16)} <= set(TIMES)
    assert {b * BEAT for b in range(33)} <= set(TIMES)


def test_times_ascend_and_never_get_finer():
    steps = np.diff(TIMES)
    assert (steps > 0).all()
    assert steps.max() == BEAT
    assert TIMES[0] == 0
    assert TIMES[-1] == MAX_TICKS
    longest = [steps[(np.array(TIMES[:-1]) >= b * BEAT)].min() for b in range(32)]
    assert longest == sorted(longest)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_every_token_decodes_and_encodes_to_itself(field):
    assert field.size == len(field.specials) + len(field.values)
    assert field.encode(None) == UNKNOWN
    for token in range(field.size):
        value = field.decode(token)
        if token < len(field.specials):
            assert value is None
        else:
            assert field.encode(value) == token
            assert field.round(value) == value
    with pytest.raises(IndexError):
        field.decode(field.size)


@given(st.sampled_from(FIELDS), st.integers(-(10**6), 10**6))
def test_every_value_is_encoded_as_its_nearest(field: Field, value):
    nearest = min(abs(value - v) for v in field.values)
    assert abs(value - field.round(value)) == nearest


def test_value_halfway_between_two_is_the_lower_one():
    assert SHIFT.round(98) == 96
    assert VELOCITY.round(64) == 62
    assert DURATION.round(MAX_TICKS - BEAT // 2) == MAX_TICKS - BEAT


def test_predicted_fields_come_first():
    assert FIELDS[: len(PREDICTED)] == PREDICTED
    assert [f.name for f in PREDICTED] == ["instrument", "shift", "pitch", "duration", "velocity"]


# -- pieces and the alphabet as data -------------------------------------------------------------


def test_piece_is_its_notes_between_start_and_end():
    notes = [Note(240, 64, 0, 24, 66), Note(240, 60, 0, 24, 66), Note(264, 62, 0, 24, 66)]
    rows = encode_piece(notes)
    assert rows.shape == (5, len(FIELDS))
    np.testing.assert_array_equal(rows[0], special_event(START))
    np.testing.assert_array_equal(rows[-1], special_event(END))
    assert [SHIFT.decode(int(t)) for t in rows[1:-1, COLUMN["shift"]]] == [0, 0, 24]
    assert decode(rows, 240) == sorted_notes(notes)


def test_piece_without_notes_begins_and_ends():
    rows = encode_piece([])
    assert rows[:, COLUMN["instrument"]].tolist() == [START, END]
    assert decode(rows) == []


def test_no_notes_are_no_rows():
    assert encode([]).shape == (0, len(FIELDS))


def test_alphabet_is_the_same_after_a_journey_through_json():
    assert json.loads(json.dumps(alphabet())) == alphabet()
    assert json.dumps(alphabet()) == json.dumps(alphabet())


def test_alphabet_says_all_that_is_needed_to_read_tokens():
    for field, data in zip(FIELDS, alphabet()["fields"], strict=True):
        assert data["name"] == field.name
        assert len(data["specials"]) + len(data["values"]) == field.size
        for token, value in enumerate(data["values"], start=len(data["specials"])):
            assert field.decode(token) == value
