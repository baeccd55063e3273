"""Checkpoints: weights, the optimizer's state, and how far the run is, in one file.

The file is Keras's own (``.weights.h5``), with the state of the run beside the weights in it. It
appears whole or not at all, so that a run may be killed at any moment.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from live.errors import UserError
from training.network import EventLSTM

LAST: Final = "last.weights.h5"
BEST: Final = "best.weights.h5"
_STATE: Final = "continuo"
"""Name of the data set beside Keras's groups that holds the state, as JSON."""

MEND: Final = "name another run with --run, or begin this one again with --again"

Identity = Mapping[str, Mapping[str, Any]]
"""What must not change while a run goes on: of the network, of the settings, of the music."""


@dataclass
class State:
    """How far a run is."""

    steps_done: int = 0
    elapsed_s: float = 0.0
    """Time trained, interruptions not counted."""
    best: float = math.inf
    """Lowest figure of an epoch on held-out music, bits per note."""
    since_best: int = 0
    """Epochs since then."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Figures of each judged epoch."""

    @property
    def epochs(self) -> int:
        """Return how many epochs were judged."""
        return sum(epoch["steps"] > 0 for epoch in self.history)


@dataclass(frozen=True)
class Told:
    """What a checkpoint says beside its weights."""

    state: State
    identity: Identity
    origin: Mapping[str, Any]
    """What a model of this run says of its music (``data``) and ``training``; empty if unknown."""


def save(
    network: EventLSTM,
    path: Path,
    state: State,
    identity: Identity,
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint; ``origin`` goes with it, for a model that is exported from it.

    Raises:
        OSError: it cannot be written; the file of that name, if there is one, stays as it is.
    """
    unfinished = path.with_name(f"unfinished.{path.name}")
    random = [v.numpy().tolist() for v in _random(network)]
    told = json.dumps(
        {"state": asdict(state), "identity": identity, "origin": origin or {}, "random": random}
    ).encode()
    try:
        _reserve(unfinished, _size(network))
        network.save_weights(unfinished)
        with h5py.File(unfinished, "r+") as file:
            file.create_dataset(_STATE, data=np.frombuffer(told, np.uint8))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except RuntimeError as error:  # so h5py tells of a full disk as it closes the file
        raise OSError(str(error)) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _size(network: EventLSTM) -> int:
    """Return about how many bytes a checkpoint takes."""
    variables = [*network.variables, *network.optimizer.variables]
    sizes: list[int] = [math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables]
    return sum(sizes) + 2**20


def _reserve(path: Path, size: int) -> None:
    """Make sure that the disk has room, since HDF5 may end the program where it has none.

    Raises:
        OSError: it has none.
    """
    with path.open("wb") as file:
        for _ in range(0, size, 2**20):
            file.write(bytes(2**20))
        file.flush()


def read_state(path: Path, identity: Identity) -> State | None:
    """Return the state that a checkpoint holds; None if there is no checkpoint.

    Args:
        path: of the checkpoint.
        identity: of the run that is to go on.

    Raises:
        UserError: it is broken, or of another run.
    """
    if not path.exists():
        return None
    told = _read(path)
    found = told["identity"]
    for part, values in identity.items():
        for name, now in values.items():
            if (before := found.get(part, {}).get(name)) != now:
                what = {
                    "network": "of another network",
                    "music": "of a run with other music",
                    "start": "of a run that began with another model",
                }.get(part, "of a run with other settings")
                raise UserError(
                    f"{path} is a checkpoint {what} ({name} {before}, not {now}); {MEND}"
                )
    return _state(path, told)


def read_told(path: Path) -> Told:
    """Return all that a checkpoint says beside its weights.

    Raises:
        UserError: it is broken.
    """
    told = _read(path)
    return Told(_state(path, told), told["identity"], told["origin"])


def _state(path: Path, told: Mapping[str, Any]) -> State:
    try:
        return State(**told["state"])
    except TypeError as error:
        raise _broken(path) from error


def _random(network: EventLSTM) -> list[Any]:
    """Return the variables that dropout draws by, which Keras keeps in no checkpoint."""
    return [v for v in network.variables if "seed_generator" in v.path]


def _read(path: Path) -> dict[str, Any]:
    try:
        with h5py.File(path, "r") as file:
            told = json.loads(bytes(file[_STATE][()]))
        dicts = {part: dict(told[part]) for part in ("state", "identity")}
        return {**dicts, "origin": dict(told.get("origin", {})), "random": list(told["random"])}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _broken(path) from error


def _broken(path: Path) -> UserError:
    return UserError(f"{path} is no whole checkpoint of Continuo's; {MEND}")


def restore(network: EventLSTM, path: Path) -> None:
    """Read weights, the state of the optimizer and of dropout into a compiled network.

    Raises:
        UserError: the file is broken, or of another network.
    """
    try:
        network.load_weights(path)
        for variable, value in zip(_random(network), _read(path)["random"], strict=True):
            variable.assign(value)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} does not hold the weights of this network; {MEND}") from error
