"""The guard against haste: the model plays no faster than hands do, and no fuller than music is.

Scores have cadenzas in small notes and tremolos of whole chords. A network that hears itself play
such a thing finds no end of it, at a pace that no score means for long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from live.core.steering import lean_to_rests
from live.events import TICKS_PER_BEAT
from live.prediction import Floats

ONSET_S: Final = 0.06
"""As fast as hands go on for long, from onset to onset."""
ONSETS_AT_ONCE: Final = 4
"""So many may come faster, as in an ornament or a chord that is rolled."""
NOTES_PER_S: Final = 24
"""So many notes in a second are music, whatever the player does: a chord of three on each
semiquaver at 120 BPM."""
CALM: Final = 0.5
"""Nats for each doubling of the time to the next note, for each note beyond within a beat. So it
seldom comes to more than a third beyond."""


def unhurried_tick(onsets: Iterable[float], tick_s: float) -> float:
    """Return from where on another onset is not too much haste, in ticks.

    Each onset is put on a pile from which one is taken every ``ONSET_S``; the pile has a highest.

    Args:
        onsets: those of late, in ticks.
        tick_s: length of a tick, seconds; 0: there is no haste.
    """
    pile, latest = 0.0, -math.inf
    for tick in sorted(set(onsets)) if tick_s else ():
        pile = max(0.0, pile - (tick - latest) * tick_s / ONSET_S) + 1
        latest = tick
    beyond = max(0.0, pile + 1 - ONSETS_AT_ONCE)
    return latest + beyond * ONSET_S / tick_s if beyond else -math.inf


def calming_bias(onsets: Iterable[float], now_tick: float, tick_s: float, players: int) -> Floats:
    """Return what is added to the logits, (N,): the fuller the latest beat, the longer the rests.

    Args:
        onsets: those of late, in ticks.
        now_tick: where the latest note stands.
        tick_s: length of a tick, seconds.
        players: most notes of the player's within a beat, of late.
    """
    allowed = max(players, NOTES_PER_S * TICKS_PER_BEAT * tick_s)
    count = np.count_nonzero(np.array([*onsets]) > now_tick - TICKS_PER_BEAT)
    return lean_to_rests(CALM * max(0.0, count - allowed))
