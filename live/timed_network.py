"""How long the network takes for an event: measured outside the core, which knows no clock."""

from __future__ import annotations

import statistics
import time
from collections import deque
from typing import Any, Final

from live.events import Tokens
from live.prediction import Floats, Network, Prediction

LATEST: Final = 100
"""The figures are of this many events."""


class TimedNetwork:
    """Passes everything on to a network and keeps how long each drawn event took."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._took_ms: deque[float] = deque(maxlen=LATEST)

    @property
    def median_ms(self) -> float | None:
        """Return the median of the latest events, milliseconds; None: there was none."""
        return statistics.median(self._took_ms) if self._took_ms else None

    @property
    def worst_ms(self) -> float | None:
        """Return the longest of them."""
        return max(self._took_ms, default=None)

    def zero_states(self) -> Floats:
        """Return the states before anything was heard."""
        return self._network.zero_states()

    def run(self, events: Tokens, states: Floats, **how: Any) -> Prediction:
        """Hear events and predict the one that follows, see ``Network.run``."""
        began_s = time.perf_counter()
        prediction = self._network.run(events, states, **how)
        if len(events) == 1:  # more at once is reading, not playing
            self._took_ms.append(1000 * (time.perf_counter() - began_s))
        return prediction
