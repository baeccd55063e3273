"""What may be chosen where a setting is any text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from live.core.keys import FOLLOW, SCALES, TONICS

_USUAL = ("major", "minor", "dorian", "mixolydian", "minor pentatonic", "blues")


def key_locks() -> list[str]:
    """Return what the notes may be locked to, the usual scales first."""
    scales = [*_USUAL, *(scale for scale in SCALES if scale not in _USUAL)]
    return [FOLLOW, *(f"{tonic} {scale}" for scale in scales for tonic in TONICS)]


def port_choices(names: Iterable[str]) -> dict[Any, str]:
    """Return what a port may be set to, and how the page names it."""
    return {"auto": "the first there is", "virtual": "virtual", **{name: name for name in names}}
