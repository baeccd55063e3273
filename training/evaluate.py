"""Judges a model file on music that it was not trained on, beside models that only count.

What is counted: every known target of every event but START, which is never a target. END counts
as an instrument's target. A field's bits per note are the mean over its known targets; the sum adds
up the fields' means. Bits per beat are all bits of all fields over the beats of the music.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from live.events import COLUMN, SHIFT, TICKS_PER_BEAT, UNKNOWN, Tokens
from training import continuations
from training.continuations import (
    Figures,
    between_halves,
    between_pieces,
    continue_all,
    from_seeds,
    prompts,
)
from training.continuing import Sampling
from training.held_out import Music
from training.measures import in_chords
from training.ngram import FieldCounts, count_fields
from training.ngram_network import NGramNetwork
from training.scoring import Judge, Tallies, tally_baselines, tally_model

MODEL: Final = "model"
NGRAM: Final = "5-gram"
TRUE: Final = "true music"
NOTATED: Final = ("shift", "pitch", "duration")
"""The fields that every note of every source has and that no player is given."""

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Likelihood:
    """How well one model foresaw the held-out music."""

    bits_per_note: dict[str, float | None]
    """By field; ``sum``: of all fields, ``shift + pitch + duration``: of these. None: no target."""
    accuracy: dict[str, float | None]
    """Share of targets, by field, that were the likeliest token."""
    bits_per_beat: float


@dataclass(frozen=True)
class Freely:
    """What free continuations came to; see ``training.continuations``."""

    figures: dict[str, Figures]
    """Of the model, of the n-gram and of the true continuations."""
    halves: dict[str, float]
    """By feature: distance between random halves of the true continuations."""
    others: dict[str, float]
    """By feature: mean distance between the true continuations of two different prompts."""
    seeds: dict[str, float]
    """By feature: mean distance of a prompt's last notes from its true continuation."""
    seed_chords: float
    """Share of the seeds' notes that sound together with the note before."""


@dataclass(frozen=True)
class Judgement:
    """All that is told of a model."""

    music: dict[str, int]
    """Sizes: pieces, notes, beats."""
    likelihood: dict[str, Likelihood]
    """By model: the baselines, then the one that is judged."""
    targets: dict[str, int]
    """Known targets by field."""
    freely: Freely | None


def evaluate(
    judge: Judge,
    music: Music,
    sampling: Sampling,
    count: int,
    seed: int,
    started: Callable[[str, int], Advance],
) -> Judgement:
    """Judge a model.

    Args:
        judge: the model.
        music: to judge by.
        sampling: how continuations are drawn.
        count: number of continuations; 0: none.
        seed: of chance.
        started: told of each part of the work and its steps; returns what is told of progress.

    Raises:
        UserError: there are to be continuations, but no held-out piece is long enough.
    """
    random = np.random.default_rng(seed)
    places = prompts(music.held_out, count, random) if count else []
    events = sum(len(piece) - 1 for piece in music.held_out)
    counts: Iterable[FieldCounts] = count_fields(music.training)
    if places:
        counts = ngram = list(counts)  # they play on as well; else one is held at a time
    tallies = tally_baselines(counts, music.held_out, started("counting n-grams", events))
    tallies[MODEL] = tally_model(judge, music.held_out, started("hearing held-out music", events))
    beats = sum(beats_of(piece) for piece in music.held_out)
    freely = None
    if places:
        advance = started("playing on", 2 * len(places))
        played = {
            MODEL: continue_all(judge, places, sampling, seed, advance),
            NGRAM: continue_all(NGramNetwork(ngram), places, sampling, seed, advance),
            TRUE: [place.truth for place in places],
        }
        advance = started("comparing with the training set", len(played))
        figures: dict[str, Figures] = {}
        for name, passages in played.items():
            figures[name] = continuations.judge(passages, places, music.training)
            advance(1)
        halves = between_halves(played[TRUE], random)
        seed_chords = in_chords(np.concatenate([place.seed for place in places]))
        freely = Freely(figures, halves, between_pieces(places), from_seeds(places), seed_chords)
    return Judgement(
        music={
            "training_pieces": len(music.training),
            "training_notes": sum(len(piece) - 2 for piece in music.training),
            "held_out_pieces": len(music.held_out),
            "held_out_notes": sum(len(piece) - 2 for piece in music.held_out),
            "held_out_beats": round(beats),
        },
        likelihood={name: likelihood(one, beats) for name, one in tallies.items()},
        targets={name: tally.targets for name, tally in tallies[MODEL].items()},
        freely=freely,
    )


def likelihood(tallies: Tallies, beats: float) -> Likelihood:
    """Return the figures of one model's sums over music of so many beats."""
    met = {name: t for name, t in tallies.items() if t.targets}
    bits = {name: met[name].bits / met[name].targets if name in met else None for name in tallies}
    return Likelihood(
        bits_per_note={
            **bits,
            "sum": sum(b for b in bits.values() if b is not None),
            " + ".join(NOTATED): sum(bits[name] or 0.0 for name in NOTATED),
        },
        accuracy={
            name: t.correct / t.targets if t.targets else None for name, t in tallies.items()
        },
        bits_per_beat=sum(t.bits for t in tallies.values()) / max(beats, 1.0),
    )


def beats_of(piece: Tokens) -> float:
    """Return the beats from a piece's first onset to its last."""
    ticks = np.array([SHIFT.decode(token) or 0 for token in range(SHIFT.size)])
    shifts = piece[:, COLUMN["shift"]]
    return float(ticks[shifts[shifts != UNKNOWN]].sum()) / TICKS_PER_BEAT


def as_data(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as plain data, for JSON."""
    return asdict(judgement)
