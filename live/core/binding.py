"""What the messages of a control of the instrument look like: a key, a pad, a pedal, a program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

KINDS: Final = {"note": (0x80, 0x90), "cc": (0xB0,), "program": (0xC0,)}
"""How a binding spells the kind of a message, and the status bytes it stands for."""
_SPELLING: Final = re.compile(r"(note|cc|program) (\d{1,3})(?: channel (\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Binding:
    """A control of the instrument: what its messages look like."""

    kind: str
    number: int | None
    """None: any."""
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

    def __str__(self) -> str:
        """Return the spelling that ``parse`` reads."""
        channel = "" if self.channel is None else f" channel {self.channel + 1}"
        return f"{self.kind} {'any' if self.number is None else self.number}{channel}"

    def matches(self, data: bytes) -> bool:
        """Whether a channel message comes from this control."""
        return (
            data[0] & 0xF0 in KINDS[self.kind]
            and self.number in (None, data[1])
            and self.channel in (None, data[0] & 0x0F)
        )

    def overlaps(self, other: Binding) -> bool:
        """Whether one message may come from both."""
        return (self.kind, self.number) == (other.kind, other.number) and (
            self.channel == other.channel or None in (self.channel, other.channel)
        )


def bound(data: bytes, bindings: Iterable[Binding]) -> bool:
    """Whether a message comes from one of these controls."""
    return any(binding.matches(data) for binding in bindings)
