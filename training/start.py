"""Where training on begins: the weights of a model file, of a run, or of one checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import keras

from live.errors import UserError
from live.events import PREDICTED
from live.model import Model
from training.checkpoint import BEST, LAST, Told, read_told, restore
from training.model_files import trainable
from training.network import EventLSTM, grown
from training.onnx_weights import read_network
from training.sources import sources_of
from training.told_network import told_config

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
    music: str | None = None
    """Hash of the music that it was trained on (``Readings.identity``), where that is known."""

    @property
    def shape(self) -> dict[str, Any]:
        """Return the network's shape as settings."""
        names = ("units", "layers", "embedding", "head", "lookback", "attention")
        return {name: getattr(self.network.config, name) for name in names}

    @property
    def weights(self) -> list[Any]:
        """Return the weights as ``keras.Model.get_weights`` gives them."""
        return list(self.network.get_weights())

    def data_with(self, told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what to say of its music and what it learns now; of a source in both, the new."""
        names = {source["name"] for source in told}
        return [*(source for source in self.data if source.get("name") not in names), *told]

    def grown(self, lookback: bool, attention: int, seed: int) -> Self:
        """Return the same with a network that has lookback or farther attention as well.

        What is new is drawn by ``seed`` alone: a run that is gone on with, or that several workers
        share, begins with the same weights.
        """
        keras.utils.set_random_seed(seed)
        return replace(self, network=grown(self.network, lookback, attention))


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
        training = told.get("training")
        return Start(
            network,
            sources_of(told),
            training if isinstance(training, dict) else {},
            {name: told[name] for name in FIGURES if name in told},
        )
    path = source / BEST if source.is_dir() else source
    if not path.is_file():
        raise UserError(
            f"there is no trained model at {source}; --from takes an .onnx file, the folder of a "
            "run, or a checkpoint"
        )
    best = read_told(path)
    try:
        network = EventLSTM(told_config(best.identity["network"], path.stat().st_size))
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is a checkpoint of another version of Continuo") from error
    network.build(None)
    restore(network, path)
    last = source / LAST
    until = read_told(last) if source.is_dir() and last.is_file() else best
    return Start(
        network,
        sources_of(best.origin),
        _trained(until),
        _figures(best),
        _music(best),
    )


def _trained(told: Told) -> dict[str, Any]:
    """Return how a run trained until a checkpoint, as ``fit`` tells it of its model."""
    settings = dict(told.origin.get("training") or told.identity.get("settings", {}))
    events = told.state.steps_done * settings.get("batch", 0) * settings.get("steps", 0)
    return {
        **settings,
        "epochs_done": told.state.epochs,
        "events": events,
        "seconds": round(told.state.elapsed_s),
    }


def _figures(told: Told) -> dict[str, Any]:
    """Return the figures of a checkpoint's weights by their names in the metadata, if it has any.

    Weights from inside an epoch were not judged.
    """
    judged = told.state.history[-1] if told.state.history else None
    if judged is None or judged["steps"] != told.state.steps_done:
        return {}
    names = [*(f.name for f in PREDICTED), "sum"]
    return {"held_out_bits_per_note": {n: round(judged[f"held_out_{n}"], 4) for n in names}}


def _music(told: Told) -> str | None:
    music = told.identity.get("music", {}).get("training")
    return music if isinstance(music, str) else None
