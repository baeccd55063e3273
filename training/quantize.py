"""Makes the int8 form of an exported model: a quarter of the size, and steps that are faster.

Weights of the LSTM and of the heads become 8-bit integers, one scale for each output unit; what
they are multiplied with is scaled to 8 bits anew at each run (dynamic quantization), so that no
music is needed to calibrate it. Embeddings become 8-bit integers as well, one scale for each table,
and are looked up as such; states, gates and sampling stay float32.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnxruntime.quantization import QuantType, quantize_dynamic

from live.errors import UserError
from live.events import PREDICTED, Tokens
from live.model import METADATA_KEY, Model
from training.files import replace_file
from training.scoring import Judge, tally_model


@dataclass(frozen=True)
class Int8Cost:
    """What an int8 model loses on held-out music, in bits per note over all fields."""

    float32_bits: float
    int8_bits: float

    @property
    def share(self) -> float:
        """The loss, as a share of the float32 model's bits."""
        return self.int8_bits / self.float32_bits - 1.0


def quantize(source: Path, target: Path, held_out: Sequence[Tokens]) -> Int8Cost | None:
    """Write the int8 form of a float32 model; it appears whole or not at all.

    Args:
        source: an exported float32 model.
        target: the file to write.
        held_out: encoded pieces with START and END, each (events, F), to measure the cost on; it
            is written into the metadata. None are needed: the cost is then not known.

    Returns:
        The cost, or None without held-out pieces.

    Raises:
        UserError: ``source`` is no model, or ``target`` cannot be written.
    """
    precision = Model(source).metadata.get("precision", "float32")
    if precision != "float32":
        raise UserError(f"{source} is {precision} already; name the float32 model")
    try:
        model, cost = _quantized(source, held_out)
    except (OSError, DecodeError, ValueError) as error:  # onnx reads what it could not write whole
        raise UserError(
            f"cannot make {target}: {' '.join(str(error).split())}; is the disk of "
            f"{tempfile.gettempdir()} full?"
        ) from error
    replace_file(target, model.SerializeToString())
    return cost


def _quantized(source: Path, held_out: Sequence[Tokens]) -> tuple[onnx.ModelProto, Int8Cost | None]:
    """Return the int8 form and its cost; the quantizer's files go beside its source: to a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy, smaller = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        shutil.copyfile(source, copy)
        logging.disable(logging.WARNING)  # it advises a preparation that these graphs do not need
        try:
            quantize_dynamic(copy, smaller, weight_type=QuantType.QInt8, per_channel=True)
        finally:
            logging.disable(logging.NOTSET)
        model = onnx.load(smaller)
        _describe(model, {"precision": "int8"})
        if not held_out:
            return model, None
        onnx.save(model, smaller)
        cost = Int8Cost(bits_per_note(copy, held_out), bits_per_note(smaller, held_out))
        _describe(model, {"precision": "int8", "int8_cost": round(cost.share, 5)})
        return model, cost


def bits_per_note(path: Path, pieces: Sequence[Tokens]) -> float:
    """Return the bits that a model file needs for a note of these pieces, over all fields."""
    tallies = tally_model(Judge(path), pieces)
    return sum(t.bits / max(1, t.targets) for t in (tallies[f.name] for f in PREDICTED))


def _describe(model: onnx.ModelProto, more: dict[str, object]) -> None:
    """Add to the metadata; what the quantizer left there for itself goes."""
    own = next(p.value for p in model.metadata_props if p.key == METADATA_KEY)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps({**json.loads(own), **more})})
