"""What the positions of a knob stand for, and its soft takeover."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

POSITIONS: Final = 128
"""Of a MIDI controller: 0 to 127."""
NEAR: Final = 1.0
"""A knob this many positions from a value stands on it."""
DIGITS: Final = 3
"""Values of a range are rounded to this many decimals: nobody wants 119.842519 BPM."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the positions of a knob stand for: values in equal steps, or a range of numbers."""

    values: tuple[Any, ...] = ()
    """Empty: a range."""
    low: float = 0.0
    """Value at position 0; may be more than ``high``."""
    high: float = 1.0
    log: bool = False
    """Equal turns are equal ratios instead of equal differences; both ends are above 0 then."""

    def value(self, position: int) -> Any:
        """Return the value of a position, 0 to 127."""
        if self.values:
            return self.values[position * len(self.values) // POSITIONS]
        part = position / (POSITIONS - 1)
        if self.log:
            return round(self.low * (self.high / self.low) ** part, DIGITS)
        return round(self.low + (self.high - self.low) * part, DIGITS)

    def position(self, value: Any) -> float | None:
        """Return where on the knob a value stands, the nearest end if beyond; None: nowhere."""
        if self.values:
            if value not in self.values:
                return None
            return (self.values.index(value) + 0.5) * POSITIONS / len(self.values) - 0.5
        if self.log:
            least = min(self.low, self.high)
            part = math.log(max(value, least) / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return min(max(part, 0.0), 1.0) * (POSITIONS - 1)

    @property
    def is_switch(self) -> bool:
        """Whether there are but two positions, so that none can be in the way of another."""
        return len(self.values) == 2

    def stands_on(self, position: int, value: Any) -> bool:
        """Whether a knob there means this value."""
        if self.values:
            return bool(self.value(position) == value)
        where = self.position(value)
        return where is not None and abs(position - where) <= NEAR


class Knob:
    """A knob of a scale. With soft takeover it does nothing until it passes the present value."""

    def __init__(self, scale: Scale, soft: bool) -> None:
        self._scale = scale
        self._soft = soft and not scale.is_switch
        self._position: int | None = None
        self._holds = False
        self._given: Any = None
        """The value that it gave last, while it holds."""

    def takes(self, position: int, present: Any) -> bool:
        """Turn it to a position, 0 to 127; return whether the position's value is to hold.

        ``present`` is the value that holds, whoever gave it: if it is not the one that this knob
        gave, the knob has to take over anew.
        """
        before, self._position = self._position, position
        if self._soft and not (self._holds and self._given == present):
            self._holds = self._passes(before, position, present)
            if not self._holds:
                return False
        self._holds, self._given = True, self._scale.value(position)
        return True

    def _passes(self, before: int | None, position: int, present: Any) -> bool:
        where = self._scale.position(present)
        if where is None or self._scale.stands_on(position, present):
            return True
        return before is not None and (before - where) * (position - where) <= 0
