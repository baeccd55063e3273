"""The models that a session was played with, found by their hash, whatever they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from live.errors import UserError
from live.model import MAX_BYTES, Model
from live.past_take import ModelFile


@dataclass(frozen=True)
class PastModels:
    """By hash of the session's model: what is played in its place."""

    models: dict[str, Model]

    def of(self, file: ModelFile) -> Model:
        """Return the model that a core begins or goes on with now."""
        return self.models[file.sha256]

    @property
    def changed(self) -> list[str]:
        """What is to be said of those that are not the same: a line for each."""
        return [
            f"{model.path} is another version of the session's model: its sha256 begins with "
            f"{model.sha256[:12]}, then it was {sha256[:12]}"
            for sha256, model in self.models.items()
            if model.sha256 != sha256
        ]


def find(wanted: Iterable[ModelFile], folders: list[Path]) -> PastModels:
    """Look for a session's models in folders: the same bytes, else the same name.

    Raises:
        UserError: one is not there, or cannot be loaded.
    """
    models: dict[str, Model] = {}
    for file in wanted:
        if file.sha256 not in models:
            models[file.sha256] = Model(_find(file, folders))
    return PastModels(models)


def instead(wanted: Iterable[ModelFile], other: Model) -> PastModels:
    """Play another model in the place of all."""
    return PastModels({file.sha256: other for file in wanted})


def _find(file: ModelFile, folders: list[Path]) -> Path:
    name = Path(file.model).name  # of this folder, whatever the journal says
    named = [folder / name for folder in folders if (folder / name).is_file()]
    others = [path for folder in folders for path in sorted(folder.glob("*.onnx"))]
    for path in [*named, *others]:
        if _sha256(path) == file.sha256:
            return path
    if not named:
        places = " or ".join(map(str, folders))
        raise UserError(
            f"the session's model {name} is not in {places}; name another one with --with"
        )
    return named[0]


def _sha256(path: Path) -> str | None:
    """Return the hash of a file that may be a model; None: it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
