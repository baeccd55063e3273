"""Reads the weights of a model file back into the Keras network, to train it on.

ONNX holds an LSTM's gates in the order input, output, forget, cell, and two biases; Keras holds
input, forget, cell, output, and one. All other weights stand as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from live.errors import UserError
from live.events import FIELDS, PREDICTED
from live.model import Model
from training.network import EventLSTM
from training.told_network import told_config

Array = npt.NDArray[np.float32]

TOLERANCE: Final = 1e-4
"""The most by which a logit of the network that was read may differ from the file's."""
GATES: Final = (0, 2, 3, 1)
"""Where Keras's gates stand among ONNX's."""


def read_network(path: Path) -> EventLSTM:
    """Return the network of a model file, which computes what the file computes.

    Raises:
        UserError: it is no float32 model of Continuo's.
    """
    model = Model(path)
    if model.metadata.get("precision", "float32") != "float32":
        raise UserError(
            f"{path} holds {model.metadata['precision']} weights, which cannot be trained on; "
            "name its float32 form"
        )
    try:
        config = told_config(model.metadata["network"], path.stat().st_size)
        if (config.state_rows, config.units) != model.state_shape:
            raise ValueError("its graph has states of another shape")
        network = EventLSTM(config)
        network.build(None)
        _fill(network, onnx.load(path).graph)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: its weights cannot be read back; train it anew") from error
    difference = _difference(network, model)
    if not difference <= TOLERANCE:  # a NaN is a difference as well
        raise UserError(
            f"{path}: the network read from it differs from it by {difference:.2g}; train it anew"
        )
    return network


def _fill(network: EventLSTM, graph: onnx.GraphProto) -> None:
    """Set every weight; a ValueError tells that one is missing or of another shape."""
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "LSTM"]  # in the order they run
    for layer, node in zip(network.lstms, nodes, strict=True):
        layer.set_weights(_lstm(*(values[name] for name in node.input[1:4])))
    heads = network.heads
    network.embedding.table.assign(_only(values, "/embedding", network.embedding.table.shape))
    for table in heads.decided:
        table.assign(_only(values, "/GatherV2", table.shape))
    attending = []
    if network.attention is not None:
        nearness = network.attention.nearness
        nearness.assign(_only(values, "/attention", nearness.shape))
        attending = [network.attention.parts]
    for dense in (*attending, heads.hidden, *heads.logits):
        for weight in (dense.kernel, dense.bias):
            weight.assign(_only(values, f"/{dense.name}", weight.shape))


def _lstm(weights: Any, recurrent: Any, biases: Any) -> list[Array]:
    """Return Keras's kernel (I, 4 * U), recurrent kernel (U, 4 * U) and bias (4 * U)."""
    units = recurrent.shape[-1]

    def reordered(rows: Any) -> Array:
        gates = rows.reshape(4, units, -1)[list(GATES)]
        return np.ascontiguousarray(gates.reshape(4 * units, -1).T, dtype=np.float32)

    bias = biases[0, : 4 * units] + biases[0, 4 * units :]
    return [reordered(weights[0]), reordered(recurrent[0]), reordered(bias)[0]]


def _only(values: dict[str, Any], part: str, shape: tuple[int, ...]) -> Any:
    """Return the one value whose name has this part and which has this shape.

    A bias that was never learnt, of a field that the music does not know, is zero, and the export
    leaves it out; whether that was right is seen when logits are compared.
    """
    found = [v for name, v in values.items() if part in name and v.shape == tuple(shape)]
    if not found and len(shape) == 1:
        return np.zeros(shape, np.float32)
    if len(found) != 1:
        raise ValueError(f"{len(found)} values are called {part} and have shape {shape}")
    return found[0]


def _difference(network: EventLSTM, model: Model) -> float:
    """Return the greatest difference of logits over some random events."""
    random = np.random.default_rng(0)
    steps = 9
    tokens = [random.integers(f.size, size=steps + 1) for f in FIELDS]
    events = np.stack(tokens, axis=-1).astype(np.int32)
    targets = events[1:, : len(PREDICTED)]
    logits = network({"events": events[None, :-1], "targets": targets[None]})
    expected = np.concatenate([np.asarray(logits[f.name][0]) for f in PREDICTED], axis=-1)
    states = model.zero_states()
    found = []
    for event, target in zip(events[:-1], targets, strict=True):
        step = model.run(event[None], states, forced=target)
        states = step.states
        found.append(step.logits[-1])
    return float(np.max(np.abs(expected - np.stack(found))))
