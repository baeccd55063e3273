"""What the pure core is told, before it starts and while it plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from live.core.controls import Control
from live.events import TICKS_PER_BEAT

Mode = Literal["call", "continue", "duet", "solo", "listen"]
PhraseEnd = Literal["silence", "bar", "trigger"]
Answer = Literal["phrase", "bars", "model"]
Handover = Literal["tick", "beat", "bar"]
VelocitySource = Literal["auto", "player", "model"]
ClockSource = Literal["internal", "midi", "link"]


@dataclass(frozen=True)
class PerformerSettings:
    """Settings of the core. Channels and programs are counted from 0."""

    bpm: float = 120.0
    beats_per_bar: int = 4
    clock: ClockSource = "internal"
    send_clock: bool = False
    latency_ms: float = 0.0
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
    left_instrument: int = -1
    """What the player's left hand plays, below ``split``; -1: as the right one."""
    split: int = 60
    left_channel: int | None = None
    """Where the left hand sounds; None: where the right one does."""
    ensemble: str = ""
    """What the model may play, see ``live.core.orchestra``."""
    channels: tuple[tuple[int, int], ...] = ()
    """Instrument and channel, for those that have one of their own."""
    program_changes: bool = False
    pedal_out: bool = False
    """Whether the model's long notes hold the sustain pedal."""
    player_channel: int | None = None
    """Where the player is, if that is known before he is heard."""
    lowest_pitch: int = 21
    highest_pitch: int = 108
    notes_per_beat: int = 0
    voices: int = 0
    """At once. 0: as many as it likes; likewise above."""
    key: str = ""
    """"": all notes; "follow"; else a scale or a chord, see ``live.core.keys``."""
    density: float = 0.0
    pitch: float = 0.0
    loudness: float = 0.0
    length: float = 0.0
    velocity: VelocitySource = "auto"
    lowest_velocity: int = 1
    highest_velocity: int = 127
    velocity_curve: float = 1.0
    loop_guard: bool = True
    output_channel: int = 0
    seed: int = 0
    controls: tuple[Control, ...] = ()
    model: str = ""
    """The file of the network that plays; the core only tells it on."""

    @property
    def horizon_s(self) -> float:
        """Return how far ahead notes are settled, in seconds."""
        return self.horizon_ms / 1000

    @property
    def latency_s(self) -> float:
        """Return how much later than it should sound a note is sent, in seconds."""
        return self.latency_ms / 1000

    @property
    def ahead_s(self) -> float:
        """Return how long before it should sound a note is handed out, in seconds.

        It is settled the horizon before it is *sent*: for a synth that is slow, earlier.
        """
        return self.horizon_s + max(0.0, -self.latency_s)

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
                f"bounds.lowest_pitch ({low}) and bounds.highest_pitch ({high}) must leave at "
                "least an octave"
            )
        soft, loud = self.lowest_velocity, self.highest_velocity
        if soft > loud:
            return f"dynamics.lowest_velocity ({soft}) is above highest_velocity ({loud})"
        return None


KEEP_THE_PLAN: Final = frozenset(
    {
        "bpm",  # what is planned is planned in beats
        "clock",
        "send_clock",
        "latency_ms",
        "mode",
        "handover",
        "phrase_end",
        "silence_beats",
        "answer",
        "answer_bars",
        "program_changes",
        "pedal_out",
        "left_channel",
        "output_channel",
        "controls",
    }
)
"""Settings whose change leaves the notes that are planned as they are."""
REPLAN_SOON: Final = frozenset(
    {
        "temperature",
        "min_p",
        "density",
        "pitch",
        "loudness",
        "length",
        "velocity_curve",
    }
)
"""Settings whose change may wait a moment for more of the same: a knob sends many values. Every
other change makes the model plan anew at once."""


class Current:
    """The settings that hold now: one object that all parts of the core look at."""

    def __init__(self, settings: PerformerSettings) -> None:
        self.now = settings
