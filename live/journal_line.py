"""One line of a journal, and what it says; ``live.journal`` tells what there is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import mido
from pydantic import TypeAdapter, ValidationError

from live.core.midi_clock import CLOCK_MESSAGES
from live.messages import LinkState

FIRST_SYSTEM_MESSAGE: Final = 0xF0
NUMBERED: Final = ("in", "control", "hush", "clock", "link")
"""Kinds of lines whose messages the improviser is told."""
CALLS: Final = ("core", "step", "model", "change", "do")
"""Kinds of lines that tell how the core was called."""
EARLIEST_S: Final = -60.0
"""They may have been said before the journal was made, where the improviser was ready first."""
LONGEST_S: Final = 1e7
"""A time beyond this, some months, is damage and not a session."""
_LINK_STATE: Final = TypeAdapter(LinkState)


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a journal; ``rest`` is what follows kind and time."""

    kind: str
    time_s: float
    rest: tuple[Any, ...]

    @property
    def message(self) -> bytes | None:
        """The channel message of an "in" or "out" line; None if it has none that is whole."""
        data = self._bytes()
        return data if data is not None and data[0] < FIRST_SYSTEM_MESSAGE else None

    @property
    def told(self) -> bytes | LinkState | None:
        """What the improviser was told by this line; None: nothing, or nothing that is whole."""
        if self.number is None:
            return None
        if self.kind == "link":
            return _link_state(self.rest[0])
        if self.kind != "clock":
            return self.message
        data = self._bytes()
        return data if data is not None and data[0] in CLOCK_MESSAGES else None

    @property
    def number(self) -> int | None:
        """The number under which the improviser was told the message; None: it was not."""
        numbered = self.kind in NUMBERED and len(self.rest) > 1
        return self.rest[1] if numbered and type(self.rest[1]) is int else None

    @property
    def named(self) -> int | None:
        """The number of a message that a "step" or "missed" line names; None: it names none."""
        return self.rest[0] if self.rest and type(self.rest[0]) is int else None

    def _bytes(self) -> bytes | None:
        """Return the MIDI message of a line; None if it has none that is whole."""
        try:
            data = bytes.fromhex(self.rest[0])
            mido.Message.from_bytes(data)
        except (IndexError, TypeError, ValueError):
            return None
        return data


def as_line(entry: object) -> Line | None:
    """Return what an entry of JSON says; None: it makes no sense."""
    if (
        isinstance(entry, list)
        and len(entry) >= 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], int | float)
        and (EARLIEST_S if entry[0] in CALLS else 0) <= entry[1] <= LONGEST_S
    ):
        return Line(entry[0], float(entry[1]), tuple(entry[2:]))
    return None


def read_line(text: bytes) -> Line | None:
    """Return what a line of the file says; None: it makes no sense."""
    try:
        return as_line(json.loads(text.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None


def _link_state(given: Any) -> LinkState | None:
    try:
        state = _LINK_STATE.validate_python(given)
    except ValidationError:
        return None
    return state if 1 <= state.bpm <= 1000 and abs(state.beat) <= LONGEST_S else None
