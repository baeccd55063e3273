"""Windows that the network learns from."""

import numpy as np
import pytest
import tensorflow as tf

from live.events import (
    COLUMN,
    DRUMS,
    END,
    INSTRUMENT,
    PITCH,
    PREDICTED,
    START,
    UNKNOWN,
    Note,
    encode_piece,
)
from training.dataset import (
    HIGHEST,
    LOWEST,
    Variation,
    cut,
    encode_all,
    hide,
    random_starts,
    reduce_for_keyboard,
    shift_velocity,
    training_batches,
    transpose,
    validation_dataset,
)
from training.fit import KnownBits, losses
from training.pieces import Piece

NOTHING = Variation(
    transpose=0,
    velocity_shift=0,
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
    return Piece(
        name=f"melody {seed}",
        source=f"{seed}.mid",
        notes=tuple(
            Note(12 * i, int(random.integers(low, high)), instrument, 12, 64, 12 * i % 96)
            for i in range(count)
        ),
    )


def test_targets_are_the_events_that_follow():
    piece = melody(50)
    whole = encode_piece(piece.notes)
    inputs, _ = next(training_batches([piece], batch=20, steps=16, seed=1, variation=NOTHING))
    for events, targets in zip(inputs["events"], inputs["targets"], strict=True):
        at = next(i for i in range(len(whole)) if np.array_equal(whole[i : i + 16], events))
        np.testing.assert_array_equal(targets, whole[at + 1 : at + 17, : len(PREDICTED)])


def test_targets_by_field_are_those_the_heads_see():
    inputs, by_field = next(training_batches([melody(50)], batch=4, steps=16, seed=1))
    for i, f in enumerate(PREDICTED):
        np.testing.assert_array_equal(by_field[f.name], inputs["targets"][..., i])


def test_windows_stay_within_their_piece_and_are_padded_with_unknown():
    pieces = encode_all([melody(3, 0), melody(30, 1)], reduced=False)
    windows = cut(pieces, np.array([0, 5]), 10)
    assert windows[0, 0, 0] == START
    assert windows[0, 4, 0] == END
    assert np.all(windows[0, 5:] == UNKNOWN)
    np.testing.assert_array_equal(windows[1], pieces.tokens[5:15])


def test_beginnings_and_ends_are_met_about_as_often_as_the_middle():
    pieces = encode_all([melody(400)], reduced=False)
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
    pieces = encode_all([low, high, drums], reduced=False)
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
    windows = cut(encode_all([melody(5)], reduced=False), np.array([0]), 10)
    for seed in range(20):
        moved = transpose(windows, 6, np.random.default_rng(seed))
        assert np.all((moved[..., 2] == UNKNOWN) == (windows[..., 2] == UNKNOWN))


def test_unknown_velocities_stay_unknown():
    windows = cut(encode_all([melody(30)], reduced=False), np.array([0]), 20)
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
    reduced = reduce_for_keyboard(notes)
    struck = [(n.onset_ticks, n.pitch, n.instrument) for n in reduced]
    assert sorted(struck) == [(0, 60, 0), (0, 60, DRUMS), (0, 64, 0), (24, 60, 0)]
    assert next(n for n in reduced if n.pitch == 60 and n.instrument == 0).duration_ticks == 24
    tokens = encode_piece(reduced)[1:-1]
    assert [int(t) for t in tokens[:, COLUMN["shift"]]] == [1, 1, 1, 25]


def test_hiding_takes_from_the_input_only_and_never_the_pitch():
    variation = Variation(
        hide_instrument=1.0, hide_place=1.0, hide_velocity=1.0, hide_durations=1.0, hide_shift=1.0
    )
    inputs, by_field = next(
        training_batches([melody(60)], batch=8, steps=16, seed=1, variation=variation)
    )
    pitch = COLUMN["pitch"]
    notes = inputs["events"][..., pitch] != UNKNOWN
    others = [i for i in range(inputs["events"].shape[-1]) if i != pitch]
    assert notes.mean() > 0.8
    assert np.all(inputs["events"][notes][:, others] == UNKNOWN)
    inside = by_field["pitch"] != UNKNOWN
    for f in PREDICTED:
        assert np.all(by_field[f.name][inside] != UNKNOWN)


def test_start_is_never_hidden():
    windows = cut(encode_all([melody(30)], reduced=False), np.array([0]), 16)
    hidden = hide(windows, Variation(hide_instrument=1.0), np.random.default_rng(0))
    assert hidden[0, 0, 0] == START
    assert np.all(hidden[0, 1:, 0] == UNKNOWN)


def test_held_notes_are_neighbours_without_duration():
    windows = cut(encode_all([melody(60)], reduced=False), np.array([5] * 50), 30)
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


def test_same_seed_cuts_the_same_windows():
    pieces = [melody(60, seed) for seed in range(3)]

    def third(seed):
        batches = training_batches(pieces, batch=4, steps=16, seed=seed)
        return [next(batches) for _ in range(3)][2][0]["events"]

    np.testing.assert_array_equal(third(1), third(1))
    assert not np.array_equal(third(1), third(2))


def test_validation_asks_for_every_event_once_in_each_reading():
    pieces = [melody(50, 0), melody(7, 1), melody(16, 2)]
    dataset = validation_dataset(pieces, batch=4, steps=16)
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
