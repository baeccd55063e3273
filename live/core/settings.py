"""What the pure core is told, before it starts and while it plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from live.core.controls import Bindings
from live.events import TICKS_PER_BEAT

Mode = Literal["call", "continue", "duet", "solo", "listen"]
PhraseEnd = Literal["silence", "bar", "trigger"]
Answer = Literal["phrase", "bars", "model"]
Handover = Literal["tick", "beat", "bar"]


@dataclass(frozen=True)
class PerformerSettings:
    """Settings of the core. Channels and programs are counted from 0."""

    bpm: float = 120.0
    beats_per_bar: int = 4
    mode: Mode = "call"
    handover: Handover = "beat"
    phrase_end: PhraseEnd = "silence"
    silence_beats: float = 1.0
    answer: Answer = "phrase"
    answer_bars: int = 4
    horizon_ms: float = 100.0
    seed_window: int = 128
    temperature: float = 1.0
    min_p: float = 0.02
    instrument: int = 0
    lowest_pitch: int = 21
    highest_pitch: int = 108
    output_channel: int = 0
    seed: int = 0
    controls: Bindings = ()

    @property
    def horizon_s(self) -> float:
        """Return how far ahead notes are settled, in seconds."""
        return self.horizon_ms / 1000

    @property
    def handover_ticks(self) -> int:
        """Return the unit on whose multiples the model's turn may begin."""
        return {
            "tick": 1,
            "beat": TICKS_PER_BEAT,
            "bar": TICKS_PER_BEAT * self.beats_per_bar,
        }[self.handover]

    def conflict(self) -> str | None:
        """Return in a line which settings do not fit together; None: all do."""
        low, high = self.lowest_pitch, self.highest_pitch
        if high - low < 11:
            return (
                f"sampling.lowest_pitch ({low}) and sampling.highest_pitch ({high}) must leave at "
                "least an octave"
            )
        return None


KEEP_THE_PLAN: Final = frozenset(
    {
        "bpm",  # what is planned is planned in beats
        "mode",
        "handover",
        "phrase_end",
        "silence_beats",
        "answer",
        "answer_bars",
        "output_channel",
        "controls",
    }
)
"""Settings whose change leaves the notes that are planned as they are."""
REPLAN_SOON: Final = frozenset({"temperature", "min_p"})
"""Settings whose change may wait a moment for more of the same: a knob sends many values. Every
other change makes the model plan anew at once."""


class Current:
    """The settings that hold now: one object that all parts of the core look at."""

    def __init__(self, settings: PerformerSettings) -> None:
        self.now = settings
