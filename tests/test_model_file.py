"""Model files: a good one runs as promised, a bad one is told about in one line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from live.errors import UserError
from live.events import (
    ALPHABET_VERSION,
    COLUMN,
    END,
    FIELDS,
    PITCH,
    PREDICTED,
    SHIFT,
    START,
    UNKNOWN,
    Note,
    alphabet,
    encode,
    special_event,
)
from live.model import INPUTS, METADATA_KEY, OUTPUTS, Model
from live.prediction import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, draw_noise

GOOD = Path(__file__).resolve().parent.parent / "exported_models" / "default.onnx"
TRAINED = GOOD.with_name("default.float32.onnx")


@pytest.fixture(scope="module")
def good_bytes():
    if not GOOD.exists():
        pytest.skip(f"needs {GOOD.name}: python -m training")
    return GOOD.read_bytes()


@pytest.fixture(scope="module", params=[GOOD, TRAINED], ids=["int8", "float32"])
def model(request):
    return Model(request.param)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "bad.onnx"


def complaint(path):
    """Return the one line with which a file is refused."""
    with pytest.raises(UserError) as caught:
        Model(path)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    return line


# -- bad files -----------------------------------------------------------------------------------


def test_missing_file_is_told_with_what_to_do(file):
    line = complaint(file)
    assert "No such file" in line
    assert "--model" in line


def test_folder_is_told_to_be_one(tmp_path):
    assert "directory" in complaint(tmp_path)


def test_name_below_a_file_is_told(file):
    file.touch()
    assert "Not a directory" in complaint(file / "model.onnx")


@pytest.mark.parametrize("part", [0, 1e-6, 0.001, 0.25, 0.5, 0.9, 0.9999])
def test_truncated_file_is_refused(file, good_bytes, part):
    file.write_bytes(good_bytes[: int(len(good_bytes) * part)])
    complaint(file)


def test_file_without_its_last_bytes_is_refused(file, good_bytes):
    for missing in (1, 2, 8, 100, 1000):
        file.write_bytes(good_bytes[:-missing])
        complaint(file)


@pytest.mark.parametrize("count", [1, 16, 1000, 100_000])
def test_random_bytes_are_refused(file, count):
    for seed in range(5):
        file.write_bytes(random.Random(seed).randbytes(count))
        assert "not a complete ONNX model" in complaint(file)


def test_other_kinds_of_files_are_refused(file):
    for text in ("", "hello", "<html>404 Not Found</html>", json.dumps({"alphabet": alphabet()})):
        file.write_text(text)
        complaint(file)


def test_file_beyond_all_measure_is_not_even_read(file, monkeypatch):
    monkeypatch.setattr("live.model.MAX_BYTES", 10)
    file.write_bytes(bytes(11))
    assert "larger" in complaint(file)


# -- ONNX, but not ours --------------------------------------------------------------------------


def foreign(file, metadata=None, inputs=("x",), outputs=("y",), shape=(1, 4)):
    """Write a valid ONNX model that adds its inputs up, once for each output."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Sum", list(inputs), [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
        [helper.make_tensor_value_info(name, kind, shape) for name in outputs],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    if metadata is not None:
        helper.set_model_props(made, {METADATA_KEY: metadata})
    onnx.checker.check_model(made)
    file.write_bytes(made.SerializeToString())
    return file


def ours(**changes):
    return json.dumps({"alphabet": {**alphabet(), **changes}})


def test_foreign_network_is_told_to_be_one(file):
    assert "not one of Continuo's" in complaint(foreign(file))


def test_foreign_network_with_our_metadata_is_refused(file):
    assert "not one of Continuo's" in complaint(foreign(file, ours()))


@pytest.mark.parametrize("shape", [(1,), (1, 4), ("batch", "rows", "units"), (1, None, 4)])
def test_network_with_our_names_but_other_states_is_refused(file, shape):
    foreign(file, ours(), INPUTS, OUTPUTS, shape)
    assert "not one of Continuo's" in complaint(file)


def test_other_version_of_the_alphabet_is_told_with_both_versions(file):
    line = complaint(foreign(file, ours(version=ALPHABET_VERSION + 6)))
    assert f"version {ALPHABET_VERSION + 6} " in line
    assert f"version {ALPHABET_VERSION}:" in line


def test_other_alphabet_under_the_same_version_is_refused(file):
    fields = alphabet()["fields"][:-1]
    complaint(foreign(file, ours(fields=fields)))


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        "{}",
        '{"alphabet": null}',
        '{"alphabet": "abc"}',
        '{"alphabet": {}}',
        '{"alphabet": []}',
        "[" * 20_000,
        "\x00\ufffd",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_broken_metadata_is_refused(file, metadata):
    complaint(foreign(file, metadata))


def test_refusing_prints_nothing_else(file, capfd, good_bytes):
    file.write_bytes(good_bytes[: len(good_bytes) // 2])
    complaint(file)
    complaint(foreign(file, ours()))
    assert capfd.readouterr() == ("", "")


# -- a good one ----------------------------------------------------------------------------------


@pytest.fixture
def heard():
    """Events of a scale with a chord at its end, (12, F)."""
    notes = [Note(12 * i, 60 + i, 0, 12, 66, (12 * i) % 96) for i in range(8)]
    notes += [Note(96, pitch, 0, 48, 78, 0) for pitch in (48, 55, 64)]
    return np.concatenate([special_event(START)[None], encode(notes, 0)])


def noise(seed=0):
    return draw_noise(np.random.default_rng(seed))


def test_model_brings_its_alphabet(model):
    assert model.metadata["alphabet"] == alphabet()


def test_event_and_states_have_their_shapes(model, heard):
    found = model.run(heard, model.zero_states(), noise=noise())
    assert found.event.shape == (len(PREDICTED),)
    assert found.logits.shape == (len(heard), TOKEN_COUNT)
    assert found.states.shape == model.state_shape
    assert np.isfinite(found.logits).all()
    for token, field in zip(found.event, PREDICTED, strict=True):
        assert 0 <= token < field.size


def test_same_noise_gives_the_same_event_and_other_noise_others(model, heard):
    zero = model.zero_states()
    events = [model.run(heard, zero, noise=noise(seed)).event.tolist() for seed in range(20)]
    again = [model.run(heard, zero, noise=noise(seed)).event.tolist() for seed in range(20)]
    assert again == events
    assert len({tuple(event) for event in events}) > 10


def test_same_seed_gives_the_same_noise():
    np.testing.assert_array_equal(noise(5), noise(5))
    assert noise(5).dtype == np.float32
    assert not np.array_equal(noise(5), noise(6))


def test_forced_tokens_are_respected_and_the_rest_is_drawn(model, heard):
    forced = np.full(len(PREDICTED), FREE, dtype=np.int32)
    forced[COLUMN["shift"]] = SHIFT.encode(0)
    forced[COLUMN["velocity"]] = UNKNOWN
    pitches = set()
    for seed in range(20):
        event = model.run(heard, model.zero_states(), noise=noise(seed), forced=forced).event
        assert event[COLUMN["shift"]] == SHIFT.encode(0)
        assert event[COLUMN["velocity"]] == UNKNOWN
        pitches.add(int(event[COLUMN["pitch"]]))
    assert len(pitches) > 1


def test_bias_forbids(model, heard):
    bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
    bias[FIELD_SLICE["pitch"]] = FORBIDDEN
    allowed = [PITCH.encode(p) for p in (60, 64, 67)]
    bias[FIELD_SLICE["pitch"].start + np.array(allowed)] = 0.0
    bias[FIELD_SLICE["instrument"].start + END] = FORBIDDEN
    drawn = []
    for seed in range(30):
        event = model.run(
            heard, model.zero_states(), noise=noise(seed), logit_bias=bias, temperature=5.0
        ).event
        assert event[COLUMN["pitch"]] in allowed
        assert event[COLUMN["instrument"]] != END
        drawn.append(int(event[COLUMN["pitch"]]))
    assert len(set(drawn)) > 1


def test_bias_does_not_change_what_was_learned(model, heard):
    bias = np.full(TOKEN_COUNT, 3.0, dtype=np.float32)
    zero = model.zero_states()
    forced = encode([Note(120, 60, 0, 12, 66)], 96)[0, : len(PREDICTED)]
    plain = model.run(heard, zero, forced=forced)
    biased = model.run(heard, zero, forced=forced, logit_bias=bias)
    np.testing.assert_allclose(biased.logits, plain.logits, atol=1e-5)


def test_without_noise_and_near_temperature_0_the_likeliest_is_taken(model, heard):
    zero = model.zero_states()
    likeliest = model.run(heard, zero)
    for token, field in zip(likeliest.event, PREDICTED, strict=True):
        assert token == likeliest.logits[-1, FIELD_SLICE[field.name]].argmax()
    cold = [model.run(heard, zero, noise=noise(s), temperature=0.0).event for s in range(5)]
    for event in cold:
        np.testing.assert_array_equal(event, likeliest.event)


def test_min_p_of_1_leaves_only_the_likeliest(model, heard):
    zero = model.zero_states()
    likeliest = model.run(heard, zero).event
    for seed in range(5):
        event = model.run(heard, zero, noise=noise(seed), min_p=1.0, temperature=3.0).event
        np.testing.assert_array_equal(event, likeliest)


def test_one_by_one_is_the_same_as_all_at_once(model, heard):
    forced = encode([Note(120, 60, 0, 12, 66)], 96)[0, : len(PREDICTED)]
    whole = model.run(heard, model.zero_states(), forced=forced)
    states = model.zero_states()
    # 8-bit weights are run event by event in any case: not a bit may differ.
    tolerance = 0.0 if model.metadata["precision"] == "int8" else 1e-4
    for row, expected in zip(heard, whole.logits, strict=True):
        step = model.run(row[None], states, forced=forced)
        np.testing.assert_allclose(step.logits[0], expected, rtol=0, atol=tolerance)
        states = step.states
    np.testing.assert_allclose(states, whole.states, rtol=0, atol=tolerance)


def test_running_leaves_the_states_it_was_given_alone(model, heard):
    states = model.run(heard, model.zero_states()).states
    kept = states.copy()
    model.run(heard, states)
    np.testing.assert_array_equal(states, kept)


def test_every_token_of_every_field_can_be_heard(model):
    for column, field in enumerate(FIELDS):
        rows = np.zeros((field.size, len(FIELDS)), dtype=np.int32)
        rows[:, column] = np.arange(field.size)
        assert np.isfinite(model.run(rows, model.zero_states()).logits).all()
