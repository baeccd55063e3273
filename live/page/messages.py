"""What the page's process and the parent say to each other, beside the session's news."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class PageSetup:
    """What the page's process is told before it starts."""

    values: dict[str, Any]
    """The live settings by full name."""
    sessions: Path
    """Folder of the recordings."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The page to the parent: it is there."""

    addresses: tuple[str, ...]
    """The first is for this machine."""


@dataclass(frozen=True, slots=True)
class CannotServe:
    """The page to the parent: it cannot be."""

    reason: str
    """One line for the user."""


@dataclass(frozen=True, slots=True)
class WantSetting:
    """The page to the parent: let a setting have another value."""

    client: str
    """The page in a browser that asks, so that it can be told what is wrong."""
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class WantCommand:
    """The page to the parent: do as for a pedal or a pad."""

    client: str
    command: str


@dataclass(frozen=True, slots=True)
class WantTake:
    """The page to the parent: begin a new take."""

    client: str


@dataclass(frozen=True, slots=True)
class PlayedHere:
    """The page to the parent: channel messages as if from the keyboard."""

    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The parent to the page: what a client wanted cannot be."""

    client: str
    reason: str
