"""Playing on from a seed, offline: the performer's way of drawing, for any instruments.

What may be drawn follows ``live.core.drawing``: no chord of more than eight notes an instrument,
chords spelled from their lowest note up, no rest longer than two beats, nothing unknown, nothing
beyond the keyboard; the guard against loops acts as live (``live.core.guard``). Instruments are
those of the seed. END is ruled out, so that as many notes come
as are asked for, unless the piece may end. Dynamics are drawn where most of the seed has them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np

from live.core.drawing import LARGEST_CHORD, LONGEST_REST_BEATS
from live.core.guard import Repetition, excess, heated
from live.core.settings import PerformerSettings
from live.events import (
    COLUMN,
    END,
    FIELDS,
    INSTRUMENT,
    PITCH,
    PREDICTED,
    SHIFT,
    TICKS_PER_BEAT,
    UNKNOWN,
    Tokens,
    decode,
    place_tokens,
)
from live.prediction import FIELD_SLICE, FORBIDDEN, FREE, TOKEN_COUNT, Floats, Network, draw_noise
from training.keyboard import GRAND_PIANO

TOGETHER: Final = SHIFT.encode(0)
BAR_BEATS: Final = 4
"""Beats of a bar where the seed has too few bars to tell."""


@dataclass(frozen=True)
class Sampling:
    """How notes are drawn; as in ``config.toml``."""

    temperature: float
    min_p: float
    seed_window: int = 128
    lowest_pitch: int = 21
    highest_pitch: int = 108
    loop_guard: bool = True

    @classmethod
    def of(cls, settings: PerformerSettings) -> Self:
        """Return how the performer draws."""
        return cls(
            settings.temperature,
            settings.min_p,
            settings.seed_window,
            settings.lowest_pitch,
            settings.highest_pitch,
            settings.loop_guard,
        )


@dataclass(frozen=True)
class Bars:
    """Where bars begin, in ticks from where the time before a seed's first event stands."""

    anchor_ticks: int
    length_ticks: int

    def bar_ticks(self, onset_ticks: int) -> int:
        """Return the ticks since the bar began."""
        return (onset_ticks - self.anchor_ticks) % self.length_ticks


def bars_of(events: Tokens) -> Bars | None:
    """Return the bars of music whose places are known: as long as most of its bars; else None.

    Args:
        events: (n, F).
    """
    notes = [(n.onset_ticks, n.bar_ticks) for n in decode(events)]
    starts = sorted({onset - ticks for onset, ticks in notes if ticks is not None})
    if not starts:
        return None
    lengths = Counter(b - a for a, b in pairwise(starts))
    length = lengths.most_common(1)[0][0] if lengths else BAR_BEATS * TICKS_PER_BEAT
    return Bars(starts[-1], length)


class _Rules:
    """What may be drawn, as biases on the logits."""

    def __init__(self, seed: Tokens, sampling: Sampling) -> None:
        heard = {int(token) for token in seed[:, COLUMN["instrument"]]}
        instruments = [token for token in sorted(heard) if INSTRUMENT.decode(token) is not None]
        instruments = instruments or [INSTRUMENT.encode(GRAND_PIANO)]
        self.largest_chord = LARGEST_CHORD * len(instruments)
        bias = np.zeros(TOKEN_COUNT, dtype=np.float32)
        bias[FIELD_SLICE["instrument"]] = FORBIDDEN
        bias[[FIELD_SLICE["instrument"].start + token for token in instruments]] = 0.0
        pitch = bias[FIELD_SLICE["pitch"]]
        pitch[: PITCH.encode(sampling.lowest_pitch)] = FORBIDDEN
        pitch[PITCH.encode(sampling.highest_pitch) + 1 :] = FORBIDDEN
        shift = bias[FIELD_SLICE["shift"]]
        shift[SHIFT.encode(LONGEST_REST_BEATS * TICKS_PER_BEAT) + 1 :] = FORBIDDEN
        for name in ("shift", "duration", "velocity"):
            bias[FIELD_SLICE[name].start + UNKNOWN] = FORBIDDEN
        self.bias = bias
        self.alone = bias.copy()
        """Rules out that the note joins the chord before it."""
        self.alone[FIELD_SLICE["shift"].start + TOGETHER] = FORBIDDEN
        self.forced: Tokens = np.full(len(PREDICTED), FREE, dtype=np.int32)
        if 2 * np.count_nonzero(seed[:, COLUMN["velocity"]]) < len(seed):
            self.forced[COLUMN["velocity"]] = UNKNOWN

    def allow_end(self) -> None:
        for bias in (self.bias, self.alone):
            bias[FIELD_SLICE["instrument"].start + END] = 0.0


def play_on(
    network: Network,
    seed: Tokens,
    count: int,
    sampling: Sampling,
    random: np.random.Generator,
    may_end_after: int | None = None,
) -> Tokens:
    """Return the events that follow a seed, (count, F), or fewer where the piece ends by itself.

    Args:
        network: what is played with.
        seed: events, (at least 1, F).
        count: number of notes.
        sampling: how they are drawn.
        random: source of chance; the same state gives the same notes.
        may_end_after: notes after which the piece may end; None: it does not.
    """
    rules, bars = _Rules(seed, sampling), bars_of(seed)
    onset = max((n.onset_ticks for n in decode(seed)), default=0)
    window = [*seed]
    states = _hear(network, window[:-1])
    drawn: list[Tokens] = []
    heard, played = _line(seed), Repetition()
    chord = _last_chord(seed)
    while len(drawn) < count:
        if len(window) > 2 * sampling.seed_window:
            # As live: the older half is let go, and the rest heard anew.
            window = window[-sampling.seed_window :]
            window[0] = np.where(np.arange(len(FIELDS)) == COLUMN["shift"], UNKNOWN, window[0])
            states = _hear(network, window[:-1])
        full = len(chord) >= rules.largest_chord
        noise = draw_noise(random)
        if len(drawn) == may_end_after:
            rules.allow_end()
        heat = excess(played, heard) if sampling.loop_guard else 0
        temperature, min_p = heated(sampling.temperature, sampling.min_p, heat)
        for bias in [rules.alone] if full else [rules.bias, rules.alone]:
            prediction = network.run(
                window[-1][None],
                states,
                noise=noise,
                logit_bias=bias,
                forced=rules.forced,
                temperature=temperature,
                min_p=min_p,
            )
            instrument, shift, pitch = (int(token) for token in prediction.event[:3])
            if instrument == END:
                return np.array(drawn, dtype=np.int32).reshape(-1, len(FIELDS))
            joins = shift == TOGETHER
            if not (joins and chord and (pitch, instrument) <= chord[-1]):
                break
        chord = [*chord, (pitch, instrument)] if joins else [(pitch, instrument)]
        states = prediction.states
        onset += SHIFT.decode(shift) or 0
        played.add(pitch - 1, SHIFT.decode(shift) or 0)
        place = place_tokens(None if bars is None else bars.bar_ticks(onset))
        drawn.append(np.array([*prediction.event, *place], dtype=np.int32))
        window.append(drawn[-1])
    return np.array(drawn, dtype=np.int32).reshape(-1, len(FIELDS))


def _line(events: Tokens) -> Repetition:
    """Return how the notes of a passage repeat themselves."""
    line = Repetition()
    for row in events:
        line.add(int(row[COLUMN["pitch"]]) - 1, SHIFT.decode(int(row[COLUMN["shift"]])) or 0)
    return line


def _last_chord(seed: Tokens) -> list[tuple[int, int]]:
    """Return pitch and instrument of the notes that stand where a seed's last one does."""
    chord: list[tuple[int, int]] = []
    for row in seed[::-1]:
        chord.append((int(row[COLUMN["pitch"]]), int(row[COLUMN["instrument"]])))
        if row[COLUMN["shift"]] != TOGETHER:
            break
    return sorted(chord)


def _hear(network: Network, rows: list[Tokens]) -> Floats:
    """Return the states after events, which may be none."""
    states = network.zero_states()
    return network.run(np.array(rows), states).states if rows else states
