"""The network: what training computes, what the exported graph computes, and how it draws."""

import json
from dataclasses import replace

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import tensorflow as tf

from live.errors import UserError
from live.events import COLUMN, FIELDS, PREDICTED, UNKNOWN, Note, alphabet, encode_piece
from live.model import INPUTS, METADATA_KEY, OUTPUTS, Model
from live.prediction import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, draw_noise
from tests.disk import full_disk
from training import export as export_module
from training.export import ExportError, export
from training.network import EventLSTM, NetworkConfig
from training.quantize import bits_per_note, quantize
from training.recurrence import lstm

CONFIG = NetworkConfig(units=16, layers=2, embedding=12, head=10, dropout=0.5)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(5)
    network = EventLSTM(CONFIG)
    network.build(None)
    # As drawn, all tokens are about as likely; larger weights make a network with opinions.
    for weight in network.trainable_weights:
        weight.assign(weight * 3.0)
    return network


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    export(network, path, {"data": [{"name": "none"}]})
    return path


@pytest.fixture(scope="module")
def model(file):
    return Model(file)


def random_events(count, seed=1):
    random = np.random.default_rng(seed)
    return np.stack([random.integers(f.size, size=count) for f in FIELDS], axis=-1).astype(np.int32)


def as_written(model, events):
    """Feed ``events`` and force the events that follow, as training does; return the logits."""
    session = ort.InferenceSession(str(model.path))
    return session.run(
        ["logits"],
        {
            "events": events[None, :-1],
            "states": model.zero_states()[None],
            "forced": events[None, 1:, : len(PREDICTED)],
            "noise": np.zeros((1, 1, TOKEN_COUNT), np.float32),
            "logit_bias": np.zeros((1, 1, TOKEN_COUNT), np.float32),
            "temperature": np.ones((1, len(PREDICTED)), np.float32),
            "min_p": np.zeros((1, len(PREDICTED)), np.float32),
        },
    )[0][0]


def test_file_computes_the_logits_that_training_computes(network, model):
    events = random_events(40)
    inputs = {"events": events[None, :-1], "targets": events[None, 1:, : len(PREDICTED)]}
    trained = network(inputs)
    logits = as_written(model, events)
    for f in PREDICTED:
        np.testing.assert_allclose(
            logits[:, FIELD_SLICE[f.name]], trained[f.name][0], atol=1e-4, err_msg=f.name
        )


def test_event_by_event_equals_all_at_once(model):
    events = random_events(30)
    whole = model.run(events, model.zero_states())
    states = model.zero_states()
    for row in events:
        step = model.run(row[None], states)
        states = step.states
    np.testing.assert_allclose(step.states, whole.states, atol=1e-5)
    np.testing.assert_allclose(step.logits[-1], whole.logits[-1], atol=1e-4)
    np.testing.assert_array_equal(step.event, whole.event)


def test_forced_tokens_come_back_and_change_what_follows(model):
    events, states = random_events(8), model.zero_states()
    free = model.run(events, states)
    forced = np.full(len(PREDICTED), FREE, np.int32)
    forced[COLUMN["pitch"]] = 5
    given = model.run(events, states, forced=forced)
    assert given.event[COLUMN["pitch"]] == 5
    before, after = FIELD_SLICE["pitch"], FIELD_SLICE["duration"]
    np.testing.assert_array_equal(given.logits[-1, before], free.logits[-1, before])
    assert not np.allclose(given.logits[-1, after], free.logits[-1, after])


def test_forbidden_tokens_are_never_drawn(model):
    random = np.random.default_rng(2)
    allowed = (60, 64, 67)
    bias = np.zeros(TOKEN_COUNT, np.float32)
    bias[FIELD_SLICE["pitch"]] = FORBIDDEN
    bias[[FIELD_SLICE["pitch"].start + token for token in allowed]] = 0.0
    events, states = random_events(8), model.zero_states()
    drawn = {
        int(
            model.run(
                events, states, noise=draw_noise(random), logit_bias=bias, temperature=3.0
            ).event[COLUMN["pitch"]]
        )
        for _ in range(300)
    }
    assert drawn == set(allowed)


def test_cold_drawing_takes_the_likeliest_token(model):
    random = np.random.default_rng(3)
    events, states = random_events(8), model.zero_states()
    likeliest = model.run(events, states).event
    for _ in range(50):
        cold = model.run(events, states, noise=draw_noise(random), temperature=1e-4)
        np.testing.assert_array_equal(cold.event, likeliest)


def test_same_noise_gives_the_same_event_and_other_noise_another(model):
    events, states = random_events(8), model.zero_states()
    noises = [draw_noise(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    first, same, other = (model.run(events, states, noise=noise).event for noise in noises)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_draws_follow_the_distribution_that_was_learned(model):
    random = np.random.default_rng(4)
    events, states = random_events(8), model.zero_states()
    logits = model.run(events, states).logits[-1, FIELD_SLICE["instrument"]]
    learned = np.exp(logits - logits.max())
    learned /= learned.sum()
    draws = 2000
    drawn = [model.run(events, states, noise=draw_noise(random)).event[0] for _ in range(draws)]
    share = np.bincount(drawn, minlength=len(learned)) / draws
    # Five standard deviations of a share.
    assert np.all(np.abs(share - learned) < 5 * np.sqrt(learned * (1 - learned) / draws) + 1e-3)


def test_min_p_rules_out_the_unlikely_whatever_the_temperature(model):
    random = np.random.default_rng(6)
    events, states = random_events(8), model.zero_states()
    logits = model.run(events, states).logits[-1, FIELD_SLICE["instrument"]]
    relative = np.exp(logits - logits.max())
    permitted = set(np.flatnonzero(relative >= 0.3))
    assert 0 < len(permitted) < len(relative)
    drawn = {
        int(
            model.run(events, states, noise=draw_noise(random), temperature=5.0, min_p=0.3).event[0]
        )
        for _ in range(300)
    }
    assert drawn <= permitted
    assert len(drawn) > 1


@pytest.mark.parametrize(("products", "tolerance"), [(tf.float32, 1e-5), (tf.bfloat16, 3e-2)])
def test_training_recurrence_equals_keras_in_values_and_gradients(products, tolerance):
    keras.utils.set_random_seed(7)
    layer = keras.layers.LSTM(8, return_sequences=True)
    layer.build((3, 11, 6))
    x = tf.random.normal((3, 11, 6))
    weights = [tf.convert_to_tensor(w) for w in layer.trainable_weights]

    def values_and_gradients(run):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = run()
            loss = tf.reduce_sum(y**3)
        return [y, *tape.gradient(loss, [x, *variables])]

    variables = [w.value for w in layer.trainable_weights]
    expected = values_and_gradients(lambda: layer(x))
    variables = weights
    with tf.GradientTape() as tape:
        tape.watch([x, *weights])
        y = lstm(x, *weights, products)
        loss = tf.reduce_sum(y**3)
    found = [y, *tape.gradient(loss, [x, *weights])]
    for want, got in zip(expected, found, strict=True):
        scale = float(tf.reduce_max(tf.abs(want)))
        np.testing.assert_allclose(got, want, atol=tolerance * scale)


def test_what_is_judged_is_computed_in_float32_whatever_training_is(network):
    events = random_events(10)
    inputs = {"events": events[None, :-1], "targets": events[None, 1:, : len(PREDICTED)]}
    steady = EventLSTM(replace(CONFIG, dropout=0.0))
    steady.build(None)
    steady.set_weights(network.get_weights())
    exact = steady(inputs, training=True)["pitch"]
    steady.products = tf.bfloat16
    np.testing.assert_array_equal(steady(inputs, training=False)["pitch"], exact)
    assert not np.allclose(steady(inputs, training=True)["pitch"], exact, rtol=1e-6)


def test_dropout_is_on_in_training_only(network):
    events = random_events(10)
    inputs = {"events": events[None, :-1], "targets": events[None, 1:, : len(PREDICTED)]}
    once, again = (network(inputs, training=False)["pitch"] for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert not np.allclose(network(inputs, training=True)["pitch"], once)


def test_file_says_what_it_is(file):
    model = onnx.load(file)
    properties = {p.key: p.value for p in model.metadata_props}
    metadata = json.loads(properties[METADATA_KEY])
    assert metadata["alphabet"] == alphabet()
    assert metadata["network"]["units"] == CONFIG.units
    assert metadata["data"] == [{"name": "none"}]
    assert metadata["date"]
    assert tuple(i.name for i in model.graph.input) == INPUTS
    assert tuple(o.name for o in model.graph.output) == OUTPUTS
    assert sum(node.op_type == "LSTM" for node in model.graph.node) == CONFIG.layers
    free_axes = [d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert free_axes == ["streams", "events", ""]


def test_a_file_that_computes_something_else_is_not_written(network, tmp_path, monkeypatch):
    def disturbed(model):
        weight = max(model.graph.initializer, key=lambda w: len(w.raw_data))
        weight.raw_data = bytes(len(weight.raw_data))
        name_axes(model)

    name_axes = export_module._name_axes
    monkeypatch.setattr(export_module, "_name_axes", disturbed)
    target = tmp_path / "wrong.onnx"
    target.write_bytes(b"the model before")
    with pytest.raises(ExportError, match="differ"):
        export(network, target, {})
    assert target.read_bytes() == b"the model before"
    assert list(tmp_path.iterdir()) == [target]


def test_unknown_is_a_token_like_any_other_at_the_input(model):
    events = random_events(5)
    events[:, COLUMN["velocity"]] = UNKNOWN
    assert np.isfinite(model.run(events, model.zero_states()).logits).all()


def test_int8_form_is_smaller_says_so_and_foresees_almost_the_same(file, tmp_path):
    pieces = [
        encode_piece([Note(12 * i, 40 + (7 * i + k) % 40) for i in range(60)]) for k in (0, 5)
    ]
    target = tmp_path / "tiny.int8.onnx"
    cost = quantize(file, target, pieces)
    small = Model(target)
    assert target.stat().st_size < file.stat().st_size
    assert any("Quantize" in node.op_type for node in onnx.load(target).graph.node)
    assert small.metadata["precision"] == "int8"
    assert small.metadata["int8_cost"] == round(cost.share, 5)
    assert small.metadata["data"] == [{"name": "none"}]
    assert cost.float32_bits == bits_per_note(file, pieces)
    assert cost.int8_bits != cost.float32_bits
    assert abs(cost.share) < 0.02
    assert list(tmp_path.iterdir()) == [target]


def test_int8_form_is_not_made_of_an_int8_model(file, tmp_path):
    target = tmp_path / "tiny.int8.onnx"
    assert quantize(file, target, []) is None
    with pytest.raises(UserError, match="int8 already"):
        quantize(target, tmp_path / "again.onnx", [])


def test_full_disk_leaves_the_files_that_were_there(network, file, tmp_path):
    target = tmp_path / "model.onnx"
    target.write_bytes(b"the model before")
    with full_disk(10_000):
        with pytest.raises(UserError, match=r"cannot make .*full"):
            quantize(file, target, [])
        with pytest.raises(UserError, match=r"cannot (make|write) ") as refusal:
            export(network, target, {})
    assert "\n" not in str(refusal.value)
    assert target.read_bytes() == b"the model before"
    assert list(tmp_path.iterdir()) == [target]
