"""Exports a trained network as the one file that the performer loads."""

from __future__ import annotations

import datetime
import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort

from live.errors import UserError
from live.events import FIELDS, PREDICTED, alphabet
from live.model import INPUTS, METADATA_KEY, OUTPUTS
from live.prediction import FREE
from training.files import replace_file
from training.network import EventLSTM, performer_graph

TOLERANCE: Final = 1e-4
"""The most by which a logit may differ between Keras and ONNX."""
AXES: Final = ("streams", "events")
"""What the graph's free axes are called: streams side by side, events one after the other."""


class ExportError(UserError):
    """The exported graph computes something else than the network."""


def export(network: EventLSTM, path: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the performer's graph to ``path``, with all that is needed to use it.

    The file appears whole or not at all, and only if its logits equal Keras's.

    Args:
        network: trained, in float32.
        path: of the ``.onnx`` file; replaced if it exists.
        about: goes into the metadata, as JSON: the data and its licences, hyperparameters,
            held-out figures.

    Returns:
        The metadata.

    Raises:
        ExportError: ONNX and Keras differ by more than ``TOLERANCE``.
        UserError: the file cannot be written.
    """
    graph = performer_graph(network)
    inputs = _example(network)
    expected = graph([inputs[name] for name in INPUTS])  # Keras exports what was called once
    metadata = {
        "alphabet": alphabet(),
        "continuo": _own_version(),
        "precision": "float32",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "network": asdict(network.config),
        **about,
    }
    try:
        model = _exported(graph)
    except OSError as error:
        raise UserError(
            f"cannot make {path}: {error.strerror or error}; is the disk of "
            f"{tempfile.gettempdir()} full?"
        ) from error
    _name_outputs(model)
    _name_axes(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata)})
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    _compare(data, inputs, [np.asarray(output) for output in expected])
    replace_file(path, data)
    return metadata


def _exported(graph: Any) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "model.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of NumPy, about Keras's own code
            graph.export(str(exported), format="onnx", verbose=False)
        return onnx.load(exported)


def _own_version() -> str:
    try:
        return version("continuo")
    except PackageNotFoundError:  # run from a clone that is not installed
        return "unknown"


def _example(network: EventLSTM) -> dict[str, np.ndarray[Any, Any]]:
    """Return inputs for a comparison: two streams of nine random events, every branch in use."""
    random = np.random.default_rng(0)
    batch, steps, config = 2, 9, network.config
    states = np.zeros((batch, config.state_rows, config.units), np.float32)
    of_layers = states[:, : 2 * config.layers]
    of_layers[:] = random.normal(size=of_layers.shape)  # the rest: nothing was heard before
    count = sum(f.size for f in PREDICTED)
    forced = np.stack([random.integers(f.size, size=(batch, steps)) for f in PREDICTED], axis=-1)
    forced[:, ::2] = FREE
    return {
        "events": np.stack(
            [random.integers(f.size, size=(batch, steps)) for f in FIELDS], axis=-1
        ).astype(np.int32),
        "states": states,
        "forced": forced.astype(np.int32),
        "noise": random.gumbel(size=(batch, steps, count)).astype(np.float32),
        "logit_bias": random.normal(size=(batch, 1, count)).astype(np.float32),
        "temperature": np.full((batch, len(PREDICTED)), 0.9, np.float32),
        "min_p": np.full((batch, len(PREDICTED)), 0.02, np.float32),
    }


def _name_outputs(model: onnx.ModelProto) -> None:
    """Give the outputs the names that the performer asks for."""
    new_names = dict(zip((o.name for o in model.graph.output), OUTPUTS, strict=True))
    for output in model.graph.output:
        output.name = new_names[output.name]
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new_names.get(name, name) for name in names]


def _name_axes(model: onnx.ModelProto) -> None:
    """Give the free axes of inputs and outputs readable names."""
    fixed_time = {"noise", "logit_bias"}  # one for all events, or one for each
    for value in (*model.graph.input, *model.graph.output):
        axes = value.type.tensor_type.shape.dim
        for i, axis in enumerate(axes):
            if not axis.dim_value:
                axis.dim_param = (
                    f"{value.name}_{AXES[i]}" if i and value.name in fixed_time else AXES[i]
                )


def _compare(
    data: bytes, inputs: dict[str, np.ndarray[Any, Any]], expected: list[np.ndarray[Any, Any]]
) -> None:
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = session.run(list(OUTPUTS), inputs)
    for name, want, got in zip(OUTPUTS[1:], expected[1:], found[1:], strict=True):
        difference = float(np.max(np.abs(want - got)))
        if not difference <= TOLERANCE:  # a NaN is a difference as well
            raise ExportError(
                f"the model was not written: {name} of ONNX and Keras differ by {difference:.2g}; "
                "the checkpoints are kept, and another version of tf2onnx may export them"
            )
