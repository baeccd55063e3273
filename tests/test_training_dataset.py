"""Windows that the network learns from."""

import numpy as np
import pytest
import tensorflow as tf

from live.events import (
    COLUMN,
    DRUMS,
    DURATION,
    END,
    INSTRUMENT,
    PITCH,
    PREDICTED,
    SHIFT,
    START,
    UNKNOWN,
    Note,
    encode_piece,
)
from training.columns import columns_of, encode_columns, notes_of
from training.dataset import (
    Readings,
    Share,
    cut,
    encode_all,
    random_starts,
    training_batch,
    training_dataset,
    validation_dataset,
)
from training.keyboard import reduce_for_keyboard
from training.objective import KnownBits, KnownCrossentropy, losses
from training.reading.tidy import tidy
from training.variation import (
    HIGHEST,
    LOWEST,
    Variation,
    disturb,
    hide,
    shift_velocity,
    stretch,
    transpose,
)

NOTHING = Variation(
    timing_noise=0.0,
    drop=0.0,
    transpose=0,
    velocity_shift=0,
    stretch=0.0,
    reduce=0.0,
    hide_instrument=0.0,
    hide_place=0.0,
    hide_velocity=0.0,
    hide_durations=0.0,
    hide_duration=0.0,
    hide_shift=0.0,
    held=0.0,
)


def melody(count, seed=0, instrument=40, low=48, high=84):
    random = np.random.default_rng(seed)
    return columns_of(
        Note(12 * i, int(random.integers(low, high)), instrument, 12, 64, 12 * i % 96)
        for i in range(count)
    )


def batch_of(pieces, *, batch, steps, seed, step=0, variation=NOTHING):
    share = Share(Readings.of(pieces), batch)
    return training_batch([share], step, steps=steps, seed=seed, variation=variation)


def test_targets_are_the_events_that_follow():
    piece = melody(50)
    whole = encode_columns(piece)
    inputs, _ = batch_of([piece], batch=20, steps=16, seed=1)
    for events, targets in zip(inputs["events"], inputs["targets"], strict=True):
        at = next(i for i in range(len(whole)) if np.array_equal(whole[i : i + 16], events))
        np.testing.assert_array_equal(targets, whole[at + 1 : at + 17, : len(PREDICTED)])


def test_targets_by_field_are_those_the_heads_see():
    inputs, by_field = batch_of([melody(50)], batch=4, steps=16, seed=1)
    for i, f in enumerate(PREDICTED):
        np.testing.assert_array_equal(by_field[f.name], inputs["targets"][..., i])


def test_windows_stay_within_their_piece_and_are_padded_with_unknown():
    pieces = encode_all([melody(3, 0), melody(30, 1)])
    windows = cut(pieces, np.array([0, 5]), 10)
    assert windows[0, 0, 0] == START
    assert windows[0, 4, 0] == END
    assert np.all(windows[0, 5:] == UNKNOWN)
    np.testing.assert_array_equal(windows[1], pieces.tokens[5:15])


def test_beginnings_and_ends_are_met_about_as_often_as_the_middle():
    pieces = encode_all([melody(400)])
    starts = random_starts(pieces, 4000, 41, np.random.default_rng(0))
    met = np.zeros(402)
    for start in starts:
        met[start : start + 41] += 1
    assert met[0] > 0.3 * np.median(met)
    assert met[-1] > 0.3 * np.median(met)
    assert starts.max() + 41 <= 402


def test_transposition_moves_pitches_alone_and_stays_on_the_keyboard():
    low, high = melody(200, 0, low=22, high=40), melody(200, 1, low=90, high=108)
    drums = melody(200, 2, instrument=DRUMS)
    pieces = encode_all([low, high, drums])
    windows = cut(pieces, np.array([10, 50, 210, 250, 420]), 40)
    moved = np.stack(
        [transpose(windows, 6, np.random.default_rng(seed)) for seed in range(50)]
    ).astype(int)
    pitch = COLUMN["pitch"]
    others = [i for i in range(windows.shape[-1]) if i != pitch]
    np.testing.assert_array_equal(
        moved[..., others], np.broadcast_to(windows, moved.shape)[..., others]
    )
    amounts = moved[..., pitch] - windows[..., pitch]
    assert np.all(amounts == amounts[:, :, :1])  # one amount for each window
    assert np.all(amounts[:, 4] == 0)  # drums stay
    assert set(np.unique(amounts[:, :4])) == set(range(-6, 7))
    assert moved[:, :4, :, pitch].min() >= LOWEST
    assert moved[:, :4, :, pitch].max() <= HIGHEST


def test_transposition_leaves_the_special_events_and_padding_alone():
    windows = cut(encode_all([melody(5)]), np.array([0]), 10)
    for seed in range(20):
        moved = transpose(windows, 6, np.random.default_rng(seed))
        assert np.all((moved[..., 2] == UNKNOWN) == (windows[..., 2] == UNKNOWN))


def test_unknown_velocities_stay_unknown():
    windows = cut(encode_all([melody(30)]), np.array([0]), 20)
    velocity = COLUMN["velocity"]
    windows[0, ::2, velocity] = UNKNOWN
    shifted = shift_velocity(windows, 40, np.random.default_rng(1))
    assert np.all((shifted[..., velocity] == UNKNOWN) == (windows[..., velocity] == UNKNOWN))
    assert shifted.max() < 200


def test_keyboard_reduction_strikes_each_key_once():
    notes = [
        Note(0, 60, 40, 12),
        Note(0, 60, 41, 48),
        Note(0, 64, 42, 12),
        Note(0, 60, DRUMS, 3),
        Note(24, 60, 40, 12),
    ]
    reduced = notes_of(reduce_for_keyboard(columns_of(notes)))
    struck = [(n.onset_ticks, n.pitch, n.instrument) for n in reduced]
    assert sorted(struck) == [(0, 60, 0), (0, 60, DRUMS), (0, 64, 0), (24, 60, 0)]
    assert next(n for n in reduced if n.pitch == 60 and n.instrument == 0).duration_ticks == 24
    tokens = encode_piece(reduced)[1:-1]
    assert [int(t) for t in tokens[:, COLUMN["shift"]]] == [1, 1, 1, 25]


def test_keyboard_reduction_is_that_of_single_notes():
    random = np.random.default_rng(0)
    for _ in range(20):
        notes = [
            Note(
                int(random.integers(40)),
                int(random.integers(60, 66)),
                int(random.choice([0, 3, 40, DRUMS])),
                int(random.integers(1, 30)),
                None if random.random() < 0.3 else int(random.integers(1, 128)),
            )
            for _ in range(60)
        ]
        one_pianist = [
            n
            if n.instrument == DRUMS
            else Note(n.onset_ticks, n.pitch, 0, n.duration_ticks, n.velocity)
            for n in notes
        ]
        assert notes_of(reduce_for_keyboard(columns_of(notes))) == tidy(one_pianist)


def ticks_of(windows):
    """Return the onsets of each event, (B, T)."""
    return np.cumsum(np.array([0, *SHIFT.values])[windows[..., COLUMN["shift"]]], axis=1)


def test_stretched_windows_have_half_or_double_the_note_values():
    windows = cut(encode_all([melody(60)]), np.arange(40), 20)
    stretched = stretch(windows, 1.0, np.random.default_rng(0))
    factors = set()
    for before, after in zip(windows, stretched, strict=True):
        factor = ticks_of(after[None])[0, -1] / ticks_of(before[None])[0, -1]
        factors.add(factor)
        lengths = np.array([0, *DURATION.values])
        duration = COLUMN["duration"]
        np.testing.assert_array_equal(
            lengths[after[:, duration]], lengths[before[:, duration]] * factor
        )
        # The beat is where it would be: every 12 ticks became every 6 or 24 of them.
        place = after[after[:, COLUMN["tick_in_beat"]] != UNKNOWN][:, COLUMN["tick_in_beat"]] - 1
        assert set(place) <= ({0} if factor == 2 else {0, 6, 12, 18})
        np.testing.assert_array_equal(after[:, COLUMN["pitch"]], before[:, COLUMN["pitch"]])
    assert factors == {0.5, 2.0}


def test_what_the_grid_has_no_half_of_is_not_stretched():
    odd = columns_of(Note(3 * i, 60, 0, 3, None, 3 * i % 96) for i in range(30))
    windows = cut(encode_all([odd]), np.arange(10), 12)
    stretched = stretch(windows, 1.0, np.random.default_rng(0))
    lengths = ticks_of(stretched)[:, -1] / ticks_of(windows)[:, -1]
    assert set(lengths) == {1.0, 2.0}


def test_timing_noise_moves_notes_by_a_tick_and_keeps_them_in_order():
    windows = cut(encode_all([melody(200)]), np.arange(0, 160, 4), 40)
    disturbed = disturb(windows, 1.0, 0.0, np.random.default_rng(0))
    off = ticks_of(disturbed) - ticks_of(windows)
    assert set(np.unique(off)) == {-1, 0, 1}
    assert 0.1 < np.mean(off != 0) < 0.3
    assert np.all(disturbed[0, 0] == windows[0, 0])  # START
    for name in ("pitch", "duration", "velocity"):  # the melody has one note at a time
        np.testing.assert_array_equal(disturbed[..., COLUMN[name]], windows[..., COLUMN[name]])
    known = disturbed[..., COLUMN["tick_in_beat"]] != UNKNOWN
    places = (disturbed[..., COLUMN["tick_in_beat"]] - 1)[known]
    assert set(places) <= {23, 0, 1, 11, 12, 13}


def test_dropped_notes_leave_the_others_in_time():
    chords = columns_of(Note(12 * i, pitch, 0, 12, 64) for i in range(60) for pitch in (48, 60, 67))
    windows = cut(encode_all([chords]), np.arange(1, 101, 3), 60)
    gaps = disturb(windows, 0.0, 1.0, np.random.default_rng(0))
    dropped = 0
    for before, after in zip(windows, gaps, strict=True):
        kept = after[:, COLUMN["pitch"]] != UNKNOWN
        dropped += np.sum(~kept)
        assert np.all(np.diff(kept.astype(int)) <= 0)  # what is missing is missing at the end
        notes = {*zip(ticks_of(before[None])[0], before[:, COLUMN["pitch"]], strict=True)}
        heard = [*zip(ticks_of(after[None])[0][kept], after[kept][:, COLUMN["pitch"]], strict=True)]
        first = before[0, COLUMN["shift"]] != after[0, COLUMN["shift"]]
        if not first and np.array_equal(before[0], after[0]):
            assert heard == sorted(notes & set(heard))
    assert 0.01 < dropped / windows[..., 0].size < 0.1


def test_hiding_takes_from_the_input_only_and_never_the_pitch():
    variation = Variation(
        hide_instrument=1.0, hide_place=1.0, hide_velocity=1.0, hide_durations=1.0, hide_shift=1.0
    )
    inputs, by_field = batch_of([melody(60)], batch=8, steps=16, seed=1, variation=variation)
    pitch = COLUMN["pitch"]
    notes = inputs["events"][..., pitch] != UNKNOWN
    others = [i for i in range(inputs["events"].shape[-1]) if i != pitch]
    assert notes.mean() > 0.8
    assert np.all(inputs["events"][notes][:, others] == UNKNOWN)
    inside = by_field["pitch"] != UNKNOWN
    for f in PREDICTED:
        assert np.all(by_field[f.name][inside] != UNKNOWN)


def test_start_is_never_hidden():
    windows = cut(encode_all([melody(30)]), np.array([0]), 16)
    hidden = hide(windows, Variation(hide_instrument=1.0), np.random.default_rng(0))
    assert hidden[0, 0, 0] == START
    assert np.all(hidden[0, 1:, 0] == UNKNOWN)


def test_held_notes_are_neighbours_without_duration():
    windows = cut(encode_all([melody(60)]), np.array([5] * 50), 30)
    only_held = Variation(
        hide_durations=0.0, hide_duration=0.0, hide_shift=0.0, held=1.0, held_most=4
    )
    hidden = hide(windows, only_held, np.random.default_rng(0))[..., COLUMN["duration"]] == UNKNOWN
    counts = hidden.sum(axis=1)
    assert counts.min() >= 1
    assert counts.max() == 4
    for row in hidden:
        places = np.flatnonzero(row)
        assert np.all(np.diff(places) == 1)


def test_windows_of_a_step_hang_on_the_seed_and_the_step_alone():
    pieces = [melody(60, seed) for seed in range(3)]
    share = Share(Readings.of(pieces), 4)

    def third(seed, first):
        dataset = training_dataset([share], first=first, steps=16, seed=seed, variation=Variation())
        return [x["events"].numpy() for x, _ in dataset.take(3 - first)][-1]

    np.testing.assert_array_equal(third(1, 0), third(1, 2))
    assert not np.array_equal(third(1, 0), third(2, 0))


def test_batch_is_made_of_shares():
    new, old = Readings.of([melody(60, 0, low=48, high=60)]), Readings.of([melody(60, 1, low=72)])
    inputs, _ = training_batch(
        [Share(new, 6), Share(old, 2)], 0, steps=16, seed=1, variation=NOTHING
    )
    high = inputs["events"][..., COLUMN["pitch"]].max(axis=1) >= PITCH.encode(72)
    assert high.sum() == 2


def test_five_million_events_take_two_bytes_for_each_field():
    readings = Readings.of([melody(50)])
    assert readings.written.tokens.itemsize == 1
    np.testing.assert_array_equal(readings.written.tokens, encode_columns(melody(50)))


def test_validation_asks_for_every_event_once_in_each_reading():
    pieces = [melody(50, 0), melody(7, 1), melody(16, 2)]
    dataset = validation_dataset(Readings.of(pieces), batch=4, steps=16)
    asked = np.concatenate([y["pitch"].numpy().ravel() for _, y in dataset])
    ends = np.concatenate([y["instrument"].numpy().ravel() for _, y in dataset]) == END
    assert (asked != UNKNOWN).sum() == 2 * (50 + 7 + 16)
    assert ends.sum() == 2 * 3


def test_loss_is_nats_per_known_target():
    """Checked by hand: three targets of which one is UNKNOWN, so two count."""
    logits = np.zeros((1, 3, PITCH.size), np.float32)
    logits[0, 0, 7] = 2.0
    targets = np.array([[7, UNKNOWN, 9]], np.int32)
    size = PITCH.size
    right = np.log(np.exp(2.0) + size - 1) - 2.0
    even = np.log(size)
    loss = losses()["pitch"](targets, logits)
    assert float(loss) == pytest.approx((right + even) / 2, abs=1e-5)
    bits = KnownBits()
    bits.update_state(tf.constant(targets), tf.constant(logits))
    bits.update_state(tf.constant([[UNKNOWN] * 3]), tf.constant(logits))
    assert float(bits.result()) == pytest.approx((right + even) / 2 / np.log(2), abs=1e-5)


def test_unknown_targets_give_no_loss_and_no_gradient():
    logits = tf.random.normal((2, 4, INSTRUMENT.size))
    targets = tf.constant([[UNKNOWN] * 4, [5, UNKNOWN, UNKNOWN, 6]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses()["instrument"](targets, logits)
    moved = np.abs(tape.gradient(loss, logits)).max(axis=-1) > 0
    np.testing.assert_array_equal(moved, [[False] * 4, [True, False, False, True]])
    nothing = losses()["instrument"](tf.zeros((2, 4), tf.int32), logits)
    assert float(nothing) == 0.0


def test_smoothed_loss_is_spread_over_all_values():
    logits = np.random.default_rng(0).normal(size=(1, 3, 5)).astype(np.float32)
    targets = np.array([[2, UNKNOWN, 4]], np.int32)
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    wanted = -np.mean([0.9 * logs[0, t, y] + 0.1 * logs[0, t].mean() for t, y in ((0, 2), (2, 4))])
    assert float(KnownCrossentropy(0.1)(targets, logits)) == pytest.approx(wanted, abs=1e-5)
