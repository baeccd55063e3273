"""How a number is set with a slider: in even steps, or in even ratios where its range is wide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

WIDE: Final = 50.0
"""Largest over least value, from which on a slider goes in ratios."""
STEPS: Final = 200
FIGURES: Final = 3
"""Of values that stand in ratios."""
_NICE: Final = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True)
class Scale:
    """Places of a slider, from 0 to ``steps``, and the values at them."""

    low: float
    high: float
    is_whole: bool = False
    prefers_ratios: bool = False

    @property
    def in_ratios(self) -> bool:
        """Return whether equal ways are equal ratios."""
        if self.low <= 0 or self.is_whole:
            return False
        return self.prefers_ratios or self.high / self.low >= WIDE

    @property
    def steps(self) -> int:
        """Return the number of places after the first."""
        return STEPS if self.in_ratios else round((self.high - self.low) / self._step)

    def value(self, place: float) -> float:
        """Return the value at a place."""
        part = min(max(place / self.steps, 0.0), 1.0)
        if self.in_ratios:
            exact = self.low * math.exp(part * math.log(self.high / self.low))
            rounded = float(f"{exact:.{FIGURES}g}")
        else:
            rounded = round(self.low + round(part * self.steps) * self._step, 6)
        return min(max(rounded, self.low), self.high)

    def place(self, value: float) -> int:
        """Return the place that is nearest to a value."""
        inside = min(max(value, self.low), self.high)
        if self.in_ratios:
            part = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            part = (inside - self.low) / (self.high - self.low)
        return round(part * self.steps)

    @property
    def _step(self) -> float:
        if self.is_whole:
            return 1.0
        width = (self.high - self.low) / STEPS
        return next((nice for nice in _NICE if nice <= width), _NICE[-1])
