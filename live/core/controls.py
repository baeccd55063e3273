"""Keys, pads, pedals and program changes that are commands instead of music."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Command = Literal["your_turn", "my_turn", "again", "keep", "panic"]

KINDS: Final = {"note": (0x80, 0x90), "cc": (0xB0,), "program": (0xC0,)}
"""How a binding spells the kind of a message, and the status bytes it stands for."""
PRESSED: Final = 64
"""A controller at this value or above is pressed."""
_SPELLING: Final = re.compile(r"(note|cc|program) (\d{1,3})(?: channel (\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Binding:
    """A control of the instrument: what its messages look like."""

    kind: str
    number: int
    channel: int | None = None
    """Counted from 0; None: any."""

    @classmethod
    def parse(cls, text: str) -> Binding:
        """Read ``cc 67``, ``note 36 channel 10`` or ``program 5``; channels are from 1 to 16.

        Raises:
            ValueError: it is spelled otherwise, or a number is out of range.
        """
        found = _SPELLING.fullmatch(" ".join(text.split()).lower())
        number = int(found[2]) if found else 128
        channel = int(found[3]) if found and found[3] else None
        if found is None or number > 127 or not (channel is None or 1 <= channel <= 16):
            raise ValueError(
                'should be a control such as "cc 67", "note 36 channel 10" or "program 5"'
            )
        return cls(found[1], number, None if channel is None else channel - 1)

    def matches(self, data: bytes) -> bool:
        """Whether a channel message comes from this control."""
        return (
            data[0] & 0xF0 in KINDS[self.kind]
            and data[1] == self.number
            and self.channel in (None, data[0] & 0x0F)
        )

    def overlaps(self, other: Binding) -> bool:
        """Whether one message may come from both."""
        return (self.kind, self.number) == (other.kind, other.number) and (
            self.channel == other.channel or None in (self.channel, other.channel)
        )


Bindings = tuple[tuple[Command, Binding], ...]


class Controls:
    """Turns messages of bound controls into commands, at the moment they are pressed."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._down: set[Binding] = set()

    def consumes(self, data: bytes) -> bool:
        """Whether a message is a control's and so no music."""
        return bound(data, (binding for _, binding in self._bindings))

    def command(self, data: bytes) -> Command | None:
        """Return the command of a control that is pressed just now."""
        for command, binding in self._bindings:
            if not binding.matches(data):
                continue
            kind = data[0] & 0xF0
            if kind == 0xC0:
                return command
            pressed = data[2] >= PRESSED if kind == 0xB0 else kind == 0x90 and data[2] > 0
            was_down = binding in self._down
            (self._down.add if pressed else self._down.discard)(binding)
            return command if pressed and not was_down else None
        return None


def bound(data: bytes, bindings: Iterable[Binding]) -> bool:
    """Whether a message comes from one of these controls."""
    return any(binding.matches(data) for binding in bindings)
