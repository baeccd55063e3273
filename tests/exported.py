"""What holds of every network and its files: they compute the same, and are read back the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from live.events import PREDICTED, Tokens
from live.model import Model
from live.prediction import FIELD_SLICE
from training.export import export
from training.network import EventLSTM
from training.onnx_weights import read_network
from training.quantize import quantize


def check_files(network: EventLSTM, events: Tokens, folder: Path, int8_difference: float) -> None:
    """Check that both files, played event by event, foresee what the network does of a window.

    Args:
        network: the network.
        events: (n, F), what is heard.
        folder: for the files.
        int8_difference: the most by which a logit of the 8-bit file may differ.
    """
    path, smaller = folder / "float32.onnx", folder / "int8.onnx"
    export(network, path, {})
    quantize(path, smaller, [])
    targets = events[1:, : len(PREDICTED)]
    trained = network({"events": events[None, :-1], "targets": targets[None]})["pitch"][0]
    for file, difference in ((path, 1e-4), (smaller, int8_difference)):
        model = Model(file)
        assert model.state_shape == (network.config.state_rows, network.config.units)
        states, pitches = model.zero_states(), []
        for event, target in zip(events[:-1], targets, strict=True):
            step = model.run(event[None], states, forced=target)
            states = step.states
            pitches.append(step.logits[-1, FIELD_SLICE["pitch"]])
        np.testing.assert_allclose(np.stack(pitches), trained, atol=difference)
    again = read_network(path)
    assert again.config == network.config
    for one, other in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
