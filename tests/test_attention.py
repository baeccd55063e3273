"""Attention: the same however events are divided, what it finds, and what it may not see."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from live.events import FIELDS, PREDICTED
from tests.exported import check_files
from training.attention import DEPTH, HEADS, KEY, VALUE, Attention, state_rows
from training.network import EventLSTM, NetworkConfig, grown

ATTENDED = 64
CONFIG = NetworkConfig(units=24, layers=2, embedding=12, head=10, dropout=0.0, attention=ATTENDED)
UNITS, WIDTH = 24, 36


def outputs(count, seed=0):
    """Return outputs of an LSTM and embedded events, (1, count, WIDTH)."""
    return np.random.default_rng(seed).normal(size=(1, count, WIDTH)).astype(np.float32)


def tokens(count, seed=0):
    """Return random events, (count, F)."""
    random = np.random.default_rng(seed)
    return np.stack([random.integers(f.size, size=count) for f in FIELDS], -1).astype(np.int32)


@pytest.fixture(scope="module")
def attention():
    layer = Attention(ATTENDED)
    layer.build((None, None, WIDTH))
    layer.nearness.assign(np.random.default_rng(1).normal(size=layer.nearness.shape))
    return layer


def test_what_is_seen_is_the_same_however_events_are_divided(attention):
    given = outputs(3 * ATTENDED)
    whole, _ = attention(given)
    states, parts = np.zeros((1, state_rows(ATTENDED, UNITS), UNITS), np.float32), []
    for part in np.split(given, [1, 2, 3, 50, ATTENDED + 40], axis=1):
        seen, states = attention(part, states)
        parts.append(seen)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_only_the_latest_events_are_seen_and_none_to_come(attention):
    given = outputs(ATTENDED + 20)
    seen = attention(given)[0].numpy()
    at = 10
    given[0, at] += 1.0
    changed = np.abs(attention(given)[0].numpy() - seen).max(axis=(0, 2)) > 1e-6
    assert not changed[:at].any()
    assert changed[at : at + ATTENDED].all()
    # As the key of the event that follows, it is seen once more.
    assert changed[at + ATTENDED]
    assert not changed[at + ATTENDED + 1 :].any()


def test_a_place_like_one_before_sees_what_followed_there(attention):
    given = outputs(40)
    given[0, 30] = given[0, 10]
    kernel = np.zeros((WIDTH, HEADS, KEY + DEPTH), np.float32)
    # The second head's queries and keys say the same of an output, and loudly.
    kernel[:, 1, :KEY] = kernel[:, 1, KEY : 2 * KEY] = np.eye(WIDTH, KEY) * 6.0
    kernel[:, 1, 2 * KEY :] = np.eye(WIDTH, VALUE)
    kernel = kernel.reshape(WIDTH, -1)
    attention.parts.set_weights([kernel, np.zeros(kernel.shape[1], np.float32)])
    seen = attention(given)[0][0, 30].numpy().reshape(HEADS, VALUE)
    np.testing.assert_allclose(seen[1, :WIDTH], given[0, 11], atol=1e-3)
    assert not seen[0].any()


def test_nearness_draws_the_eye_to_events_so_long_ago():
    layer = Attention(ATTENDED)
    layer.build((None, None, WIDTH))
    nearness = np.zeros((HEADS, ATTENDED), np.float32)
    nearness[2, 7] = 1e3
    layer.nearness.assign(nearness)
    given = outputs(ATTENDED + 10)
    values = layer.parts(given).numpy().reshape(-1, HEADS, KEY + DEPTH)[:, 2, 2 * KEY :]
    seen = layer(given)[0].numpy().reshape(-1, HEADS, VALUE)[:, 2]
    np.testing.assert_allclose(seen[7:], values[:-7], atol=1e-4)


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "with lookback"])
def network(request):
    network = EventLSTM(NetworkConfig(**{**CONFIG.__dict__, "lookback": request.param}))
    network.build(None)
    nearness = network.attention.nearness
    nearness.assign(np.random.default_rng(1).normal(size=nearness.shape))
    return network


def test_the_file_keeps_keys_and_values_among_its_states(network, tmp_path):
    check_files(network, tokens(ATTENDED + 30), tmp_path, int8_difference=0.3)


def test_states_after_many_events_are_those_after_each(network):
    events = tokens(ATTENDED + 10)[None]
    zeros = tf.zeros((1, network.config.state_rows, UNITS))
    _, at_once = network.encode(events, zeros)
    states = zeros
    for i in range(events.shape[1]):
        _, states = network.encode(events[:, i : i + 1], states)
    np.testing.assert_allclose(states, at_once, atol=1e-4)


@pytest.mark.parametrize("before", [{}, {"lookback": True}, {"attention": ATTENDED}])
def test_a_network_that_grows_computes_what_it_did(before):
    plain = {**CONFIG.__dict__, "attention": 0}
    small = EventLSTM(NetworkConfig(**{**plain, **before}))
    small.build(None)
    large = grown(small, lookback=True, attention=ATTENDED)
    assert large.config.lookback
    assert large.config.attention == ATTENDED
    events = tokens(60)
    inputs = {"events": events[None, :-1], "targets": events[None, 1:, : len(PREDICTED)]}
    for name, logits in small(inputs).items():
        np.testing.assert_allclose(large(inputs)[name], logits, atol=1e-6)
    assert grown(large, lookback=False, attention=0) is large


def test_attention_that_grows_sees_what_was_near_as_before_and_what_is_far_as_the_farthest():
    small = EventLSTM(CONFIG)
    small.build(None)
    small.attention.nearness.assign(np.random.default_rng(1).normal(size=(HEADS, ATTENDED)))
    large = grown(small, lookback=False, attention=3 * ATTENDED)
    assert large.config == replace(CONFIG, attention=3 * ATTENDED)
    nearness = large.attention.nearness.numpy()
    np.testing.assert_array_equal(nearness[:, :ATTENDED], small.attention.nearness)
    assert (nearness[:, ATTENDED:] == nearness[:, ATTENDED - 1 : ATTENDED]).all()
    given = outputs(ATTENDED, seed=3)
    for one, other in zip(large.attention.parts(given), small.attention.parts(given), strict=True):
        np.testing.assert_array_equal(one, other)
