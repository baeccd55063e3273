"""``[training]`` of ``config.toml``: every hyperparameter, checked, with flags laid over it.

The defaults stand here and, with what each of them means, in ``config.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from live.config_file import find_config, read_config
from live.errors import UserError
from training.variation import Variation

SECTION: Final = "training"

SIZES: Final[Mapping[str, Mapping[str, int]]] = {
    "s": {"units": 256, "layers": 2, "embedding": 128, "head": 128},
    "m": {"units": 512, "layers": 2, "embedding": 256, "head": 256},
    "l": {"units": 512, "layers": 3, "embedding": 256, "head": 256},
}
"""Shapes of the network by name."""

FARTHEST: Final = 1024
"""Events that attention may look back over at the most."""

BySize = Annotated[int, Field(ge=0, le=4096)]
Share = Annotated[float, Field(ge=0, le=1)]


class Training(BaseModel):
    """Hyperparameters of a run. Shares are probabilities; 0 of a shape: as the size says."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    size: Literal["s", "m", "l"] = "m"
    units: BySize = 0
    layers: Annotated[int, Field(ge=0, le=8)] = 0
    embedding: BySize = 0
    head: BySize = 0
    lookback: bool = False
    attention: Annotated[int, Field(ge=0, le=FARTHEST)] = 256
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1

    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.03
    clipnorm: Annotated[float, Field(gt=0)] = 1.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    batch: Annotated[int, Field(ge=1, le=4096)] = 32
    steps: Annotated[int, Field(ge=2, le=4096)] = 128
    epochs: Annotated[int, Field(ge=0, le=10**6)] = 30
    minutes: Annotated[float, Field(ge=0)] = 0.0
    patience: Annotated[int, Field(ge=1)] = 5
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    checkpoint_minutes: Annotated[float, Field(gt=0, le=10)] = 10.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1

    transpose: Annotated[int, Field(ge=0, le=24)] = 6
    velocity_shift: Annotated[int, Field(ge=0, le=16)] = 3
    stretch: Share = 0.1
    timing_noise: Share = 0.2
    drop: Share = 0.1
    reduce: Share = 0.5
    hide_instrument: Share = 0.1
    hide_place: Share = 0.15
    hide_velocity: Share = 0.3
    hide_durations: Share = 0.05
    hide_duration: Share = 0.05
    hide_shift: Share = 0.01
    held: Share = 0.5
    held_most: Annotated[int, Field(ge=1, le=64)] = 6

    @property
    def shape(self) -> dict[str, Any]:
        """Return the network's shape: units, layers, embedding, head, lookback, attention."""
        named = SIZES[self.size]
        sizes = {name: getattr(self, name) or named[name] for name in named}
        return {**sizes, "lookback": self.lookback, "attention": self.attention}

    @property
    def variation(self) -> Variation:
        """Return how windows are varied."""
        return Variation(**{f.name: getattr(self, f.name) for f in fields(Variation)})


def load(config: Path | None, flags: Mapping[str, Any]) -> Training:
    """Read ``[training]`` and lay flags over it.

    Args:
        config: the file; None: ``config.toml`` of the working folder, else of the project, else
            the defaults.
        flags: by setting; a value of None is no flag. Minutes without epochs are as many epochs as
            they make, whatever the file says.

    Raises:
        UserError: the file cannot be read, or a setting is unknown, of a wrong type or range.
    """
    path = config or find_config()
    section = read_config(path).get(SECTION, {}) if path is not None else {}
    if not isinstance(section, dict):
        raise UserError(f"{path}: {SECTION} = {section!r}; it must be a section: [{SECTION}]")
    given = {name: value for name, value in flags.items() if value is not None}
    if given.get("minutes"):
        given.setdefault("epochs", 0)
    try:
        return Training.model_validate({**section, **given})
    except ValidationError as error:
        raise UserError(_explain(error, path, given)) from error


def _explain(error: ValidationError, path: Path | None, flags: Mapping[str, Any]) -> str:
    """Return one line that names the first wrong setting and what it may be."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        known = ", ".join(Training.model_fields)
        return f'{path}: there is no setting "{SECTION}.{name}"; there are: {known}'
    where = "a flag gives" if name in flags else f"{path}:"
    must = first["msg"].partition("should ")[2]
    return f"{where} {SECTION}.{name} = {first['input']!r}; it must {must}"
