"""The shape of a network as a file tells it, checked before anything of that size is made."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from live.events import FIELDS, PREDICTED
from training.network import NetworkConfig
from training.settings import FARTHEST

BYTES_PER_WEIGHT: Final = 4
FIRST_ATTENDED: Final = 64
"""Events that attention looked back over while files told no more than that there is any."""
_CONFIG: Final = TypeAdapter(NetworkConfig)


def told_config(told: Any, size_bytes: int) -> NetworkConfig:
    """Return the shape that a file tells of the network in it.

    Args:
        told: plain data.
        size_bytes: of the file, in which each weight takes four bytes.

    Raises:
        ValueError: it is no shape, or one whose largest matrices would not fit into the file.
    """
    if isinstance(told, dict) and told.get("attention") is True:
        told = {**told, "attention": FIRST_ATTENDED}
    config = _CONFIG.validate_python(told)
    if not 0 <= config.attention <= FARTHEST:
        raise ValueError(f"attention reaches back over {FARTHEST} events at most")
    if min(config.units, config.layers, config.embedding, config.head) < 1:
        raise ValueError("a network has at least one of everything")
    weights = (
        4 * config.layers * config.units**2
        + config.embedding * sum(f.size for f in FIELDS)
        + config.seen * config.head * len(PREDICTED)
    )
    if BYTES_PER_WEIGHT * weights > size_bytes:
        raise ValueError("such a network does not fit into its file")
    return config
