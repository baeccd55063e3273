"""Where training on begins: the weights of a model file, of a run, or of one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from live.errors import UserError
from live.model import Model
from training.checkpoint import BEST, read_identity, restore
from training.model_files import trainable
from training.network import EventLSTM, NetworkConfig
from training.onnx_weights import read_network

FIGURES: Final = ("held_out_bits_per_note", "old_bits_per_note")


@dataclass(frozen=True)
class Start:
    """A trained network."""

    network: EventLSTM
    data: list[dict[str, Any]]
    """What it says of the music it was trained on."""
    training: dict[str, Any]
    """What it says of how it was trained."""
    figures: dict[str, Any]
    """What it says of how well it knows held-out music."""

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
        source: an ``.onnx`` file, float32 or with its float32 form beside it; the folder of a
            run; or a checkpoint of it.

    Raises:
        UserError: it is none of these, or broken.
    """
    if source.suffix == ".onnx":
        file = trainable(source)
        network, told = read_network(file), Model(file).metadata
        data, training = told.get("data"), told.get("training")
        return Start(
            network,
            data if isinstance(data, list) else [],
            training if isinstance(training, dict) else {},
            {name: told[name] for name in FIGURES if name in told},
        )
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
    return Start(network, [], {}, {})
