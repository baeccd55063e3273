"""What may be chosen where a setting is any text: models, ports, keys."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from live.core.keys import FOLLOW, SCALES, TONICS

SINGLE_FILE: Final = ".float32.onnx"
"""The second file of a model, which is for the school."""


def models_beside(model: Path) -> list[str]:
    """Return the model files in the folder of the one that is played."""
    found: list[str] = []
    with suppress(OSError):
        for path in sorted(model.parent.glob("*.onnx")):
            if not path.name.endswith(SINGLE_FILE):
                found.append(str(path))
    return found


def key_locks() -> list[str]:
    """Return what a key may be locked to, the usual ones first."""
    usual = ("major", "minor", "dorian", "mixolydian", "minor pentatonic", "blues")
    scales = [*usual, *(scale for scale in SCALES if scale not in usual)]
    return [FOLLOW, *(f"{tonic} {scale}" for scale in scales for tonic in TONICS)]
