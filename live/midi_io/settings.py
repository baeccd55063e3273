"""What the midi_io process is told once, before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from live.core.controls import Control
from live.core.settings import ClockSource
from live.demo import TimedMessage
from live.midi_io.names import Side


@dataclass(frozen=True)
class MidiSettings:
    """Settings of the process. Channels are counted from 0; None: every channel."""

    input: str
    output: str
    api: str
    input_channel: int | None
    thru: bool
    controls: tuple[Control, ...]
    """Controls of the instrument that are no music: they do not go thru."""
    demo: tuple[TimedMessage, ...] | None
    """Play these as if on a keyboard, instead of an input port."""
    clock: ClockSource = "internal"
    """Whose clock is followed; the improviser tells when this changes, as with the next."""
    latency_ms: float = 0.0
    """How much later than planned everything of the model's is sent."""
    split: int = 60
    left_channel: int | None = None
    """Where what lies below ``split`` goes thru; likewise. None: where it comes from."""
    plugged: tuple[tuple[Side, str], ...] = ()
    """Ports that a midi_io before this one was connected to, to be connected to again."""
    left_down: frozenset[tuple[int, int]] = frozenset()
    """Channels and pitches that sessions which were cut off may have left sounding."""
