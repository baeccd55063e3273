"""The n-gram baseline: probabilities by hand, and that they are probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.events import (
    COLUMN,
    END,
    INSTRUMENT,
    PITCH,
    PREDICTED,
    SHIFT,
    START,
    UNKNOWN,
    VELOCITY,
    Note,
    encode_piece,
)
from live.prediction import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, draw_noise
from training.ngram import CHAINS, ORDERS, FieldCounts, contexts, count_fields, latest, uniform
from training.ngram_network import NGramNetwork

A, B = 60, 64


def piece(*pitches, velocity=None, step=24):
    notes = (Note(i * step, p, 0, 24, velocity) for i, p in enumerate(pitches))
    return encode_piece(notes)


def distributions(counts, events, row):
    """Return p(field of events[row] | context) of every level."""
    symbols = contexts(counts.field, latest(events)[row - 1 : row], events[row : row + 1])
    return [p[0].copy() for p in counts.distributions(symbols)]


def test_unigram_is_interpolated_with_the_uniform_distribution_as_witten_and_bell_do():
    counts = FieldCounts(PITCH, [piece(A, A, B)])
    unigram = distributions(counts, piece(A), 1)[0]
    # Three notes of two kinds: (count + kinds / 128) / (3 + 2).
    assert unigram[PITCH.encode(A)] == pytest.approx((2 + 2 / 128) / 5)
    assert unigram[PITCH.encode(B)] == pytest.approx((1 + 2 / 128) / 5)
    assert unigram[PITCH.encode(70)] == pytest.approx((2 / 128) / 5)
    assert unigram[UNKNOWN] == 0


def test_longer_contexts_are_interpolated_one_by_one():
    counts = FieldCounts(PITCH, [piece(A, B, A, B, A)])
    # What is asked: the pitch after A in a piece whose note before that is one never met.
    levels = distributions(counts, piece(70, A, B), 3)
    unigram = (2 + 2 / 128) / (5 + 2)
    # All notes have instrument 0; the first stands with shift 0, and the others do not.
    instrument = (2 + 2 * unigram) / (5 + 2)
    alone = (2 + 2 * instrument) / (4 + 2)
    after_a = (2 + 1 * alone) / (2 + 1)
    b = PITCH.encode(B)
    expected = [unigram, instrument, alone, after_a]
    assert [p[b] for p in levels[:4]] == pytest.approx(expected)
    # No longer context was met: it says what the longest one that was met says.
    assert [p[b] for p in levels[4:]] == pytest.approx([after_a] * 3)


def test_orders_count_the_field_s_own_latest_values():
    for field in PREDICTED:
        counts = FieldCounts(field, [piece(A, B)])
        decided = len(CHAINS[field.name])
        assert [counts.level_of(order) for order in ORDERS] == [decided + i for i in range(5)]
        assert len(distributions(counts, piece(A, B), 1)) == counts.level_of(ORDERS[-1]) + 1


def test_unknown_values_are_not_counted():
    counts = FieldCounts(VELOCITY, [piece(A, B), piece(A, velocity=64)])
    unigram = distributions(counts, piece(A), 1)[0]
    assert unigram[VELOCITY.encode(64)] == pytest.approx((1 + 1 / 32) / 2)


def test_a_field_that_is_never_known_is_uniform():
    counts = FieldCounts(VELOCITY, [piece(A, B)])
    for p in distributions(counts, piece(A, B), 2):
        np.testing.assert_allclose(p, uniform(VELOCITY))


def test_the_end_can_follow_and_the_start_cannot():
    p = uniform(INSTRUMENT)
    assert p[START] == p[UNKNOWN] == 0
    assert p[END] == pytest.approx(1 / 130)


def test_latest_events_stand_before_each_one_nearest_first():
    events = piece(A, B)
    before = latest(events, 2)[..., COLUMN["pitch"]]
    a, b = PITCH.encode(A), PITCH.encode(B)
    assert before.tolist() == [[UNKNOWN, UNKNOWN], [a, UNKNOWN], [b, a]]


pitches = st.lists(st.integers(58, 62), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(pitches, min_size=1, max_size=4), pitches, st.sampled_from([0, 24]))
def test_probabilities_add_up_to_one_at_every_order(training, held_out, step):
    asked = piece(*held_out, velocity=40, step=step)
    for field in PREDICTED:
        counts = FieldCounts(field, [piece(*p, velocity=60) for p in training])
        symbols = contexts(field, latest(asked), asked[1:])
        for p in counts.distributions(symbols):
            assert np.all(p >= 0)
            np.testing.assert_allclose(p.sum(axis=1), 1)


def test_as_a_network_it_draws_what_it_has_counted():
    network = NGramNetwork(list(count_fields([piece(*[A, B] * 20)])))
    events = piece(A, B, A)[:-1]
    run = network.run(events, network.zero_states())
    assert run.event[COLUMN["pitch"]] == PITCH.encode(B)
    assert run.event[COLUMN["shift"]] == SHIFT.encode(24)
    logits = run.logits[-1, FIELD_SLICE["pitch"]]
    assert np.exp(logits).sum() == pytest.approx(1, abs=1e-5)


def test_as_a_network_it_minds_states_bias_force_and_noise():
    network = NGramNetwork(list(count_fields([piece(*[A, B] * 20)])))
    events = piece(A, B, A)[:-1]
    part = network.run(events[:2], network.zero_states())
    rest = network.run(events[2:], part.states)
    whole = network.run(events, network.zero_states())
    np.testing.assert_array_equal(rest.logits, whole.logits)
    bias = np.zeros(TOKEN_COUNT, np.float32)
    bias[FIELD_SLICE["pitch"].start + PITCH.encode(B)] = FORBIDDEN
    other = network.run(events, network.zero_states(), logit_bias=bias)
    assert other.event[COLUMN["pitch"]] == PITCH.encode(A)
    forced = np.full(len(PREDICTED), FREE, np.int32)
    forced[COLUMN["pitch"]] = PITCH.encode(77)
    assert network.run(events, part.states, forced=forced).event[2] == PITCH.encode(77)

    def drawn(min_p):
        random = np.random.default_rng(1)
        hot = {"temperature": 5.0, "min_p": min_p}
        runs = (
            network.run(events, part.states, noise=draw_noise(random), **hot) for _ in range(100)
        )
        return {int(run.event[COLUMN["pitch"]]) for run in runs}

    assert len(drawn(0.0)) > 10
    assert drawn(0.5) == {PITCH.encode(B)}
