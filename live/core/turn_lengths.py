"""How long a turn is: when a phrase of the player's is over, and how long the model speaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from live.core.clock import BeatClock
from live.core.settings import PerformerSettings
from live.events import TICKS_PER_BEAT

BAR_SILENCE_BEATS: Final = 0.5
"""A bar line ends a phrase only after so much silence: who plays across it is not cut off."""
LONGEST_ANSWER_BARS: Final = 32
"""An answer whose end is the model's choice ends here at the latest."""
SHORTEST_SOLO_BARS: Final = 8
"""A piece does not end sooner."""
STARTED_BEAT: Final = 0.25
"""A beat of the phrase counts only if more of it than this was played."""


@dataclass(slots=True)
class Phrase:
    """What the player has said since the model fell silent."""

    first_tick: int
    last_touch_s: float
    last_touch_tick: float
    """Where that was, whatever became of the tempo since."""


def phrase_end_s(phrase: Phrase, settings: PerformerSettings, clock: BeatClock) -> float:
    """Return when a phrase is over if nothing more is played and no key is held."""
    if settings.phrase_end == "bar":
        settled_s = phrase.last_touch_s + BAR_SILENCE_BEATS * clock.seconds_per_beat
        return clock.time_of(clock.next_multiple(settled_s, clock.bar_length_ticks))
    return phrase.last_touch_s + settings.silence_beats * clock.seconds_per_beat


def speech_bounds(
    phrase: Phrase, start_tick: int, settings: PerformerSettings, clock: BeatClock
) -> tuple[int | None, int | None]:
    """Return how long the model may speak.

    Args:
        phrase: what it answers.
        start_tick: where it begins.
        settings: ``mode``, ``answer`` and ``answer_bars`` of them.
        clock: of both.

    Returns:
        The tick from which on no note begins, and the one from which on the network may end it by
        itself; None: there is none.
    """
    bar = clock.bar_length_ticks
    if settings.mode == "solo":
        return None, start_tick + SHORTEST_SOLO_BARS * bar
    if settings.mode != "call":
        return None, None
    if settings.answer == "bars":
        return start_tick + settings.answer_bars * bar, None
    if settings.answer == "model":
        return start_tick + LONGEST_ANSWER_BARS * bar, start_tick + bar
    spoken = phrase.last_touch_tick - phrase.first_tick
    beats = max(1, math.ceil(spoken / TICKS_PER_BEAT - STARTED_BEAT))
    end_tick = start_tick + beats * TICKS_PER_BEAT
    return end_tick, (start_tick + end_tick) // 2
