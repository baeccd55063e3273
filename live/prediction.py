"""What a network is asked and what it answers, as numbers; nothing here runs one.

Shapes: T time, F all fields, P predicted fields, N all predicted tokens, R rows of the states,
U units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from live.events import PREDICTED, Tokens

Floats = npt.NDArray[np.float32]

FORBIDDEN: Final = -1e9
"""As a logit bias, this rules a token out."""
FREE: Final = -1
"""As a forced token: let the network draw it."""

TOKEN_COUNT: Final = sum(f.size for f in PREDICTED)
_starts = np.cumsum([0, *(f.size for f in PREDICTED)])
LAST_TOKEN: Final = np.array([f.size - 1 for f in PREDICTED], dtype=np.int32)
FIELD_SLICE: Final = {
    f.name: slice(int(_starts[i]), int(_starts[i + 1])) for i, f in enumerate(PREDICTED)
}
"""Where each predicted field stands in noise, bias and logits."""


@dataclass(frozen=True)
class Prediction:
    """What one run returns; ``event`` is what comes after the last event that went in."""

    event: Tokens
    """int32 (P,)"""
    logits: Floats
    """float32 (T, N), as learned: no bias, no temperature."""
    states: Floats
    """float32 (R, U), after the last event."""


class Network(Protocol):
    """What is played with: ``live.model.Model``, or another that answers as it does."""

    def zero_states(self) -> Floats:
        """Return the states before anything was heard."""
        ...

    def run(
        self,
        events: Tokens,
        states: Floats,
        *,
        noise: Floats | None = None,
        logit_bias: Floats | None = None,
        forced: Tokens | None = None,
        temperature: float = 1.0,
        min_p: float = 0.0,
    ) -> Prediction:
        """Hear events and predict the one that follows.

        Args:
            events: (T, F), T at least 1.
            states: (R, U).
            noise: (N,), standard Gumbel; None: take the likeliest token of each field.
            logit_bias: (N,), added to the logits; None: nothing is added.
            forced: (P,) tokens that are given, FREE where the network draws; None: all free.
            temperature: 1 as learned; near 0 the likeliest.
            min_p: least probability of a token relative to the likeliest one's, 0 to 1.
        """
        ...


def draw_noise(random: np.random.Generator) -> Floats:
    """Return standard Gumbel noise for one event, float32 (N,)."""
    return random.gumbel(size=TOKEN_COUNT).astype(np.float32)
