"""What all sections of ``config.toml`` have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A table of the file: its settings are checked, and no others are taken."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Channel = Annotated[int, Field(ge=1, le=16)]
Pitch = Annotated[int, Field(ge=0, le=127)]
