"""A model file whose probabilities are known: what it foresees hangs on little or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from live.events import COLUMN, END, FIELDS, PITCH, PREDICTED, alphabet
from live.model import METADATA_KEY, OUTPUTS
from live.prediction import FIELD_SLICE, TOKEN_COUNT

STATES = (2, 3)
FLOAT, INT = TensorProto.FLOAT, TensorProto.INT32


def write_model(
    path: Path,
    probabilities: dict[str, np.ndarray] | None = None,
    echo: float = 0.0,
    tiring: float = 0.0,
) -> Path:
    """Write a model of the performer's inputs and outputs.

    Args:
        path: the file.
        probabilities: by field, (size,), those of 0 included; a field that is missing is uniform
            over all its tokens.
        echo: is added to the logit of the pitch that was heard last.
        tiring: is added to END's logit for each event heard in the runs before.
    """
    logits = np.zeros((1, 1, TOKEN_COUNT), np.float32)
    for name, p in (probabilities or {}).items():
        logits[0, 0, FIELD_SLICE[name]] = np.log(np.maximum(p, 1e-30))
    count, width = TOKEN_COUNT, len(PREDICTED)
    inputs = [
        helper.make_tensor_value_info("events", INT, ["streams", "events", len(FIELDS)]),
        helper.make_tensor_value_info("states", FLOAT, ["streams", *STATES]),
        helper.make_tensor_value_info("forced", INT, ["streams", "events", width]),
        helper.make_tensor_value_info("noise", FLOAT, ["streams", "noises", count]),
        helper.make_tensor_value_info("logit_bias", FLOAT, ["streams", "biases", count]),
        helper.make_tensor_value_info("temperature", FLOAT, ["streams", width]),
        helper.make_tensor_value_info("min_p", FLOAT, ["streams", width]),
    ]
    outputs = [
        helper.make_tensor_value_info("event", INT, ["streams", "events", width]),
        helper.make_tensor_value_info("logits", FLOAT, ["streams", "events", count]),
        helper.make_tensor_value_info("next_states", FLOAT, ["streams", *STATES]),
    ]
    ends = np.zeros((1, 1, count), np.float32)
    ends[0, 0, FIELD_SLICE["instrument"].start + END] = tiring
    pitches = np.zeros((PITCH.size, count), np.float32)
    pitches[:, FIELD_SLICE["pitch"]] = echo * np.eye(PITCH.size)
    constants = {
        "ends": ends,
        "pitches": pitches,
        "pitch": np.array(COLUMN["pitch"], np.int64),
        "two": np.array([1, 2], np.int64),
        "known": logits,
        "one": np.array([1], np.int64),
        "free": np.array(0, np.int32),
        "never": np.array(-1e9, np.float32),
        "last": np.array([2], np.int64),
        "count": np.array([count], np.int64),
    }
    nodes = [
        helper.make_node("Shape", ["events"], ["place"], start=0, end=2),
        helper.make_node("Concat", ["place", "count"], ["shape"], axis=0),
        helper.make_node("Expand", ["known", "shape"], ["steady"]),
        helper.make_node("Gather", ["events", "pitch"], ["heard"], axis=2),
        helper.make_node("Gather", ["pitches", "heard"], ["echo"], axis=0),
        helper.make_node("ReduceMax", ["states", "two"], ["before"], keepdims=1),
        helper.make_node("Mul", ["before", "ends"], ["tired"]),
        helper.make_node("Sum", ["steady", "echo", "tired"], ["logits"]),
        helper.make_node("Shape", ["events"], ["length"], start=1, end=2),
        helper.make_node("Cast", ["length"], ["more"], to=FLOAT),
        helper.make_node("Add", ["states", "more"], ["next_states"]),
        helper.make_node("Add", ["logits", "logit_bias"], ["biased"]),
        helper.make_node("Unsqueeze", ["temperature", "one"], ["heat"]),
        helper.make_node("Unsqueeze", ["min_p", "one"], ["least"]),
        helper.make_node("Log", ["least"], ["floor"]),
    ]
    for k, f in enumerate(PREDICTED):
        part = FIELD_SLICE[f.name]
        own = {"begin": part.start, "end": part.stop, "k": k, "k1": k + 1}
        constants |= {f"{name}{k}": np.array([value], np.int64) for name, value in own.items()}

        def sliced(source, begin, end, name, k=k):
            inside = [source, f"{begin}{k}", f"{end}{k}", "last"]
            return helper.make_node("Slice", inside, [f"{name}{k}"])

        nodes += [
            sliced("biased", "begin", "end", "own"),
            sliced("noise", "begin", "end", "chance"),
            sliced("heat", "k", "k1", "warm"),
            sliced("floor", "k", "k1", "low"),
            sliced("forced", "k", "k1", "given"),
            helper.make_node("ReduceMax", [f"own{k}", "last"], [f"best{k}"], keepdims=1),
            helper.make_node("Sub", [f"own{k}", f"best{k}"], [f"gap{k}"]),
            helper.make_node("Less", [f"gap{k}", f"low{k}"], [f"hopeless{k}"]),
            helper.make_node("Div", [f"gap{k}", f"warm{k}"], [f"heated{k}"]),
            helper.make_node("Add", [f"heated{k}", f"chance{k}"], [f"drawable{k}"]),
            helper.make_node("Where", [f"hopeless{k}", "never", f"drawable{k}"], [f"score{k}"]),
            helper.make_node("ArgMax", [f"score{k}"], [f"drawn{k}"], axis=2, keepdims=1),
            helper.make_node("Cast", [f"drawn{k}"], [f"token{k}"], to=INT),
            helper.make_node("Less", [f"given{k}", "free"], [f"open{k}"]),
            helper.make_node("Where", [f"open{k}", f"token{k}", f"given{k}"], [f"event{k}"]),
        ]
    events = [f"event{k}" for k in range(len(PREDICTED))]
    nodes.append(helper.make_node("Concat", events, ["event"], axis=2))
    graph = helper.make_graph(
        nodes,
        "known",
        inputs,
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {METADATA_KEY: json.dumps({"alphabet": alphabet()})})
    onnx.checker.check_model(model)
    assert tuple(o.name for o in model.graph.output) == OUTPUTS
    onnx.save(model, path)
    return path
