"""``config.toml``: where it is, and what stands in it before anything is checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from live.errors import UserError

PROJECT: Final = Path(__file__).resolve().parent.parent
DEFAULT_CONFIG: Final = "config.toml"


def find_config() -> Path | None:
    """Return the settings file of the working folder, else of the project; None: there is none."""
    for folder in (Path(), PROJECT):
        if (folder / DEFAULT_CONFIG).is_file():
            return folder / DEFAULT_CONFIG
    return None


def read_config(path: Path) -> dict[str, Any]:
    """Return what a settings file holds, section by section.

    Raises:
        UserError: it cannot be read, or is not valid TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UserError(f"cannot read the config {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not all of it is a TOMLDecodeError
        raise UserError(f"{path} is not valid TOML: {error}") from error
