"""An exported network, ready to run: one ``.onnx`` file, its metadata checked.

The graph's inputs and outputs are described at ``training.network.performer_graph``. Shapes below:
T time, F all fields, P predicted fields, N all predicted tokens, R rows of the states, U units.
"""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from live.errors import UserError
from live.events import ALPHABET_VERSION, FIELDS, PREDICTED, Tokens, alphabet
from live.model_check import refers_to_files
from live.prediction import FREE, LAST_TOKEN, TOKEN_COUNT, Floats, Prediction

METADATA_KEY: Final = "continuo"
"""Key in the ONNX file's metadata; its value is a JSON object with at least ``alphabet``."""
MAX_BYTES: Final = 512 * 2**20
MOST_STATES: Final = 2**20
"""Numbers in the LSTM's states: 16 times as many as the largest network of Continuo's has."""

INPUTS: Final = (
    "events",
    "states",
    "forced",
    "noise",
    "logit_bias",
    "temperature",
    "min_p",
)
OUTPUTS: Final = ("event", "logits", "next_states")


class Model:
    """Runs the network for one stream of events, on one thread."""

    def __init__(self, path: Path) -> None:
        """Load and check a model file.

        Raises:
            UserError: missing, unreadable, too large, not ONNX, or of another alphabet.
        """
        self.path = path
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
                raise UserError(f"model {path} is a pipe or a device, which may have no end")
            if found.st_size > MAX_BYTES:
                raise UserError(f"model {path} is larger than {MAX_BYTES // 2**20} MiB")
            data = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"cannot read the model {path}: {error.strerror}. Name another with --model, "
                "or train one: python -m training"
            ) from error
        self._refuse_other_files(data)
        self.sha256 = hashlib.sha256(data).hexdigest()
        """Of the file: which model this is, whatever it is called."""
        options = ort.SessionOptions()
        # One thread: a step is too short to share, and the other cores belong to the deadlines.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            raise self._incomplete() from error
        self.metadata = self._read_metadata()
        # 8-bit products are scaled by the largest of all numbers that go in at once. Event by
        # event, states do not depend on how a window was divided: a replay gives the same notes.
        self._one_by_one = self.metadata.get("precision") == "int8"
        inputs = {i.name: i.shape for i in self._session.get_inputs()}
        outputs = [o.name for o in self._session.get_outputs()]
        if set(inputs) != set(INPUTS) or set(outputs) != set(OUTPUTS):
            raise self._foreign()
        try:
            _, rows, units = inputs["states"]
            self.state_shape = (int(rows), int(units))
        except (TypeError, ValueError) as error:  # other axes, or free ones
            raise self._foreign() from error
        if not 0 < self.state_shape[0] * self.state_shape[1] <= MOST_STATES:
            raise self._foreign()
        self._free = np.full((1, 1, len(PREDICTED)), FREE, dtype=np.int32)
        self._zeros = np.zeros((1, 1, TOKEN_COUNT), dtype=np.float32)
        self._try_out()

    def _refuse_other_files(self, data: bytes) -> None:
        try:
            elsewhere = refers_to_files(data)
        except ValueError as error:
            raise self._incomplete() from error
        if elsewhere:
            raise UserError(
                f"{self.path} keeps its weights in another file, which is not opened; export it "
                "into one file"
            )

    def _try_out(self) -> None:
        """Run it once: a graph of other types and shapes must not be found out while playing."""
        try:
            tried = self.run(np.zeros((1, len(FIELDS)), dtype=np.int32), self.zero_states())
        except Exception as error:  # see above
            raise self._foreign() from error
        parts = (tried.event, tried.logits, tried.states)
        shapes = ((len(PREDICTED),), (1, TOKEN_COUNT), self.state_shape)
        types: tuple[type, ...] = (np.int32, np.float32, np.float32)
        for part, shape, type_ in zip(parts, shapes, types, strict=True):
            if part.shape != shape or part.dtype != type_:
                raise self._foreign()

    def _incomplete(self) -> UserError:
        return UserError(f"{self.path} is not a complete ONNX model; copy or export it again")

    def _foreign(self) -> UserError:
        return UserError(f"{self.path} is an ONNX model, but not one of Continuo's; name another")

    def _read_metadata(self) -> dict[str, Any]:
        raw = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if raw is None:
            raise self._foreign()
        try:
            metadata = json.loads(raw)
            version = metadata["alphabet"]["version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{self.path}: its metadata cannot be read; export it again") from error
        if metadata["alphabet"] != alphabet():
            raise UserError(
                f"{self.path} was made with version {version} of the musical alphabet; this "
                f"performer speaks version {ALPHABET_VERSION}: export or train it again"
            )
        return dict(metadata)

    def zero_states(self) -> Floats:
        """Return the states before anything was heard, (R, U)."""
        return np.zeros(self.state_shape, dtype=np.float32)

    def run(
        self,
        events: Tokens,
        states: Floats,
        *,
        noise: Floats | None = None,
        logit_bias: Floats | None = None,
        forced: Tokens | None = None,
        temperature: float = 1.0,
        min_p: float = 0.0,
    ) -> Prediction:
        """Hear events and predict the one that follows, see ``Network.run``."""
        steps = len(events)
        given = self._free if forced is None else forced.astype(np.int32).reshape(1, 1, -1)
        sampling = {
            "forced": np.broadcast_to(given, (1, 1 if self._one_by_one else steps, len(PREDICTED))),
            "noise": self._zeros if noise is None else noise.reshape(1, 1, -1),
            "logit_bias": self._zeros if logit_bias is None else logit_bias.reshape(1, 1, -1),
            "temperature": np.full((1, len(PREDICTED)), temperature, dtype=np.float32),
            "min_p": np.full((1, len(PREDICTED)), min_p, dtype=np.float32),
        }
        rows = np.ascontiguousarray(events, dtype=np.int32).reshape(1, -1, len(FIELDS))
        if not self._one_by_one:
            return self._run(rows, states, sampling)
        all_logits = []
        for i in range(steps):
            prediction = self._run(rows[:, i : i + 1], states, sampling)
            states = prediction.states
            all_logits.append(prediction.logits)
        return Prediction(prediction.event, np.concatenate(all_logits), states)

    def _run(
        self, rows: Tokens, states: Floats, sampling: dict[str, npt.NDArray[Any]]
    ) -> Prediction:
        inputs = {"events": rows, "states": states[None], **sampling}
        event, logits, next_states = self._session.run(OUTPUTS, inputs)
        # Whatever a graph says is a token of its field: a model file is data and breaks nothing.
        return Prediction(np.clip(event[0, -1], 0, LAST_TOKEN), logits[0], next_states[0])
