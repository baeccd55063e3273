"""The two files of a trained model: what is played, and what training goes on from.

``NAME.onnx`` has 8-bit weights: the performer plays it. ``NAME.float32.onnx`` beside it is the same
network as it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from live.events import Tokens
from live.model import Model
from training.card import model_card
from training.export import export
from training.files import replace_file
from training.network import EventLSTM
from training.outputs import float32_path
from training.quantize import quantize

COST_EVENTS: Final = 20_000
"""About so many held-out events tell what 8-bit weights cost."""


def write_model(
    network: EventLSTM,
    path: Path,
    about: Mapping[str, Any],
    held_out: Sequence[Tokens],
    console: Console,
    card: Path | None = None,
) -> None:
    """Write both files of a model, and say what its 8-bit form costs.

    Args:
        network: trained.
        path: of the file to play; the float32 form goes beside it.
        about: for the metadata; see ``training.export.export``.
        held_out: encoded pieces with START and END, each (events, F), to measure the cost on; the
            first of them are enough.
        console: told of the cost.
        card: file for what the model says of itself, as Markdown; None: there is none.

    Raises:
        UserError: a file cannot be written, or ONNX computes something else than Keras.
    """
    export(network, float32_path(path), about)
    cost = quantize(float32_path(path), path, first_pieces(held_out, COST_EVENTS))
    if cost is not None:
        console.print(
            f"8-bit weights need {100 * cost.share:+.2f}% bits per note; "
            f"float32 beside it: {float32_path(path)}",
            highlight=False,
            soft_wrap=True,
        )
    if card is not None:
        replace_file(card, model_card(path.name, Model(path).metadata).encode())


def trainable(path: Path) -> Path:
    """Return the file whose weights can be trained on: a model's float32 form, if there is one."""
    beside = float32_path(path)
    return beside if path.suffix == ".onnx" and beside.is_file() else path


def first_pieces(pieces: Sequence[Tokens], events: int) -> list[Tokens]:
    """Return the first of the pieces, at least one if there is one, until there are enough."""
    chosen: list[Tokens] = []
    for piece in pieces:
        if sum(map(len, chosen)) >= events:
            break
        chosen.append(piece)
    return chosen
