"""Playing messages whose moments are known out to a port; what was struck is ended in any case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from live.core.ear import CONTROL_CHANGE, NOTE_OFF, NOTE_ON
from live.midi_io.held import PEDALS
from live.midi_io.ledger import PLAYER, NoteLedger

LONGEST_SLEEP_S: Final = 0.05


@dataclass(frozen=True, order=True, slots=True)
class Timed:
    """A channel message and its moment."""

    time_s: float
    """Seconds from the beginning."""
    is_onset: bool
    """Ends go before onsets at the same moment."""
    data: bytes
    owner: int = PLAYER
    """Whose note it is, see ``NoteLedger``."""

    @classmethod
    def of(cls, time_s: float, data: bytes, owner: int = PLAYER) -> Timed:
        """Return a message at a moment."""
        return cls(time_s, data[0] & 0xF0 == NOTE_ON and data[2] > 0, data, owner)


class Output(Protocol):
    """Where messages go to, see ``live.midi_io.ports.OutputPort``."""

    def send(self, data: bytes) -> None:
        """Send one whole message."""
        ...


def play(
    messages: Iterable[Timed],
    output: Output,
    now: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send messages at their moments, counted from now; each wait is for an absolute deadline.

    However this ends, every note is ended and every pedal is let up.
    """
    ledger = NoteLedger()
    pedals: set[tuple[int, int]] = set()
    began_s = now()
    try:
        for message in sorted(messages):
            while (left_s := began_s + message.time_s - now()) > 0:
                sleep(min(left_s, LONGEST_SLEEP_S))
            for data in _balanced(ledger, message):
                output.send(data)
                if data[0] & 0xF0 == CONTROL_CHANGE and data[1] in PEDALS:
                    change = pedals.add if data[2] >= 64 else pedals.discard
                    change((data[0] & 0x0F, data[1]))
    finally:
        for data in ledger.release_everything():
            output.send(data)
        for channel, pedal in sorted(pedals):
            output.send(bytes([CONTROL_CHANGE | channel, pedal, 0]))


def _balanced(ledger: NoteLedger, message: Timed) -> list[bytes]:
    data = message.data
    kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
    if message.is_onset:
        return ledger.strike(message.owner, key, data[2])
    if kind in (NOTE_ON, NOTE_OFF):
        return ledger.release(message.owner, key)
    return [data]
