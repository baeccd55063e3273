"""The model files that a session may choose from: those beside the one that plays."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from live.errors import UserError

SUFFIX: Final = ".onnx"
TRAINED_ON: Final = ".float32.onnx"
"""Files that end so are the same models once more, to train on from."""


def models_beside(present: Path) -> list[Path]:
    """Return the models in the folder of one, in order of their names."""
    return sorted(
        path
        for path in present.parent.glob(f"*{SUFFIX}")
        if not path.name.endswith(TRAINED_ON) and not path.name.startswith(".")
    )


def find_model(given: str, present: Path) -> Path:
    """Return the file of a model: a path, or the name of one beside the present one.

    Raises:
        UserError: there is no such file.
    """
    name = given if given.endswith(SUFFIX) else given + SUFFIX
    for path in (Path(name), present.parent / name):
        with suppress(OSError):  # a name that no file can have
            if path.is_file() and (path.is_absolute() or path.parent == present.parent):
                return path
    known = ", ".join(path.name for path in models_beside(present)) or "none"
    raise UserError(
        f'there is no model "{given[:60]}"; beside the one that plays there are: {known}'
    )
