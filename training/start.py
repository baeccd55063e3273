"""Where training on begins: the weights of a model file, of a run, or of one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live.errors import UserError
from live.model import Model
from training.checkpoint import BEST, read_identity, restore
from training.network import EventLSTM, NetworkConfig
from training.onnx_weights import read_network


@dataclass(frozen=True)
class Start:
    """A trained network."""

    network: EventLSTM
    data: list[dict[str, Any]]
    """What it says of the music it was trained on."""

    @property
    def shape(self) -> dict[str, int]:
        """Return the network's shape as settings."""
        config = self.network.config
        return {name: getattr(config, name) for name in ("units", "layers", "embedding", "head")}

    @property
    def weights(self) -> list[Any]:
        """Return the weights as ``keras.Model.get_weights`` gives them."""
        return list(self.network.get_weights())


def read_start(source: Path) -> Start:
    """Return a trained network.

    Args:
        source: a float32 ``.onnx`` file, the folder of a run, or a checkpoint of it.

    Raises:
        UserError: it is none of these, or broken.
    """
    if source.suffix == ".onnx":
        data = Model(source).metadata.get("data")
        return Start(read_network(source), data if isinstance(data, list) else [])
    path = source / BEST if source.is_dir() else source
    if not path.is_file():
        raise UserError(
            f"there is no trained model at {source}; --from takes an .onnx file, the folder of a "
            "run, or a checkpoint"
        )
    shape = read_identity(path)["network"]
    try:
        network = EventLSTM(NetworkConfig(**shape))
    except TypeError as error:
        raise UserError(f"{path} is a checkpoint of another version of Continuo") from error
    network.build(None)
    restore(network, path)
    return Start(network, [])
