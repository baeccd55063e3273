"""The LSTM's states along what was heard: incremental priming, and going back.

States are small (8 KiB at 2 x 512 units, 392 KiB with attention over 256 events), so those after
each of the latest events are kept, and some of those before: 31 MiB for a seed window as it is
by default. Taking notes back, or learning how long a held note really was, is a return to an
earlier state and a few steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from live.events import FIELDS, Tokens
from live.prediction import Floats, Network, Prediction

NEAR: Final = 64
"""So many of the latest events have their states kept, one by one."""
APART: Final = 16
"""Before them, those after every so many events are kept."""
ROOMS: Final = 80
"""Room is made for so many states at once: as many as a sequence of 256 events keeps."""


class Memory:
    """A sequence of events and the network's states along it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._rows: Tokens = np.zeros((0, len(FIELDS)), dtype=np.int32)
        self._states: dict[int, Floats] = {0: network.zero_states()}
        """By number of events: the states after hearing that many."""
        self._spare: list[Floats] = self._rooms()
        """Room for states that is not in use."""

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._rows)

    def read(self, rows: Tokens) -> None:
        """Make this the sequence of these events, shape (n, F); only what is new is run.

        All but the last event are run at once, so that the prediction that follows is one step.
        """
        same = self._shared(rows)
        self._let_go(n for n in self._states if n > same)
        self._rows = rows
        heard = self._last_state_before(len(rows))
        if heard < len(rows) - 1:
            part = rows[heard : len(rows) - 1]
            self._keep(len(rows) - 1, self.network.run(part, self._states[heard]).states)

    def read_each(self, rows: Tokens) -> None:
        """Make this the sequence of these events, as ``read``, running what is new one by one.

        It takes longer. But going back from there costs no more than the steps that are gone back,
        and the states are the same to the last bit, however much of it had been read before.
        """
        for count in range(self._shared(rows), len(rows) + 1):
            self.read(rows[:count])

    def missing(self, rows: Tokens) -> int:
        """Return how many of these events would have to be run to read them."""
        return len(rows) - self._shared(rows)

    def take_over(self, other: Memory) -> None:
        """Become the memory of another network, with all that it has read."""
        self.network = other.network
        self._rows, self._states, self._spare = other._rows, other._states, other._spare

    def append(self, row: Tokens) -> None:
        """Add one event, shape (F,)."""
        self._rows = np.concatenate([self._rows, row[None]])

    def predict(
        self,
        noise: Floats,
        logit_bias: Floats,
        forced: Tokens,
        temperature: float,
        min_p: float,
    ) -> Prediction:
        """Draw the event that follows; arguments as for ``Network.run``."""
        count = len(self._rows)
        heard = self._last_state_before(count)
        prediction = self.network.run(
            self._rows[heard:],
            self._states[heard],
            noise=noise,
            logit_bias=logit_bias,
            forced=forced,
            temperature=temperature,
            min_p=min_p,
        )
        self._keep(count, prediction.states)
        return prediction

    def _keep(self, count: int, states: Floats) -> None:
        """Keep the states after so many events; those seldom gone back to are let go.

        They are copied to where others were: room of this size that is taken and given back for
        hours, between smaller things, would scatter over ever more memory.
        """
        if count not in self._states:
            if not self._spare:
                self._spare = self._rooms()
            self._states[count] = self._spare.pop()
        np.copyto(self._states[count], states)
        near = max(self._states) - NEAR
        self._let_go(n for n in self._states if n < near and n % APART)

    def _rooms(self) -> list[Floats]:
        """Return room that is there from now on: filled, as nothing is there that was not used."""
        zero = self._states[0]
        return list(np.full((ROOMS, *zero.shape), 0, dtype=zero.dtype))

    def _let_go(self, counts: Iterable[int]) -> None:
        for count in list(counts):
            self._spare.append(self._states.pop(count))

    def _shared(self, rows: Tokens) -> int:
        """Return how many events these rows begin with that were read already."""
        shared = min(len(rows), len(self._rows))
        differs = np.any(rows[:shared] != self._rows[:shared], axis=1)
        return int(np.argmax(differs)) if differs.any() else shared

    def _last_state_before(self, count: int) -> int:
        return max((n for n in self._states if n < count), default=0)
