"""Judges free continuations: from seeds of held-out pieces, beside what truly follows there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from live.errors import UserError
from live.events import COLUMN, TICKS_PER_BEAT, UNKNOWN, Tokens
from live.prediction import Network
from training.continuing import BAR_BEATS, Sampling, bars_of, play_on
from training.copies import longest_copies
from training.measures import (
    FEATURES,
    Floats,
    agreements,
    beginning,
    divergence,
    histogram,
    in_chords,
    loops,
    manner_of,
    mean_divergence,
)

SEED_NOTES: Final = 128
NOTES: Final = 100
ANSWER_BARS: Final = 2
"""Bars of a continuation in which it has to go on as its prompt did."""
HALVINGS: Final = 20


@dataclass(frozen=True)
class Prompt:
    """A place in a held-out piece."""

    seed: Tokens
    """The events that are heard, (SEED_NOTES, F); the first one's shift is UNKNOWN."""
    truth: Tokens
    """The events that follow in the piece, (NOTES, F)."""
    piece: int
    """Number of the piece."""


@dataclass(frozen=True)
class Figures:
    """What a set of continuations came to. Distances are Jensen-Shannon divergences in bits."""

    distances: dict[str, float]
    """By feature: of all continuations together to all true ones together."""
    distances_each: dict[str, float]
    """By feature: of each continuation to its own true one, on average."""
    loops: float
    """Share of continuations in which the same 8 notes come three times in a row."""
    chords: float
    """Share of notes that sound together with the note before."""
    chords_from_seed: float
    """Mean distance of a continuation's share from its seed's, 0 to 1."""
    longest_copies: tuple[int, ...]
    """Of each continuation: notes of the longest passage that the training set has too."""
    agreements: dict[str, float]
    """Share of continuations whose first two bars have the prompt's key, density, register."""


def prompts(pieces: Sequence[Tokens], count: int, random: np.random.Generator) -> list[Prompt]:
    """Return places in pieces, all as likely; every one differs as long as there are enough.

    Args:
        pieces: encoded held-out pieces with START and END, each (events, F).
        count: how many places.
        random: source of chance.

    Raises:
        UserError: no piece is long enough.
    """
    need = SEED_NOTES + NOTES
    places = np.array([max(len(piece) - 1 - need, 0) for piece in pieces])  # none holds START, END
    if not places.sum():
        raise UserError(
            f"no held-out piece has {need} notes, which a seed and its continuation need; "
            "add longer music or judge with --continuations 0"
        )
    ends = np.cumsum(places)
    chosen = random.choice(int(ends[-1]), size=count, replace=bool(count > ends[-1]))
    found = []
    for place in np.sort(chosen):
        number = int(np.searchsorted(ends, place, side="right"))
        begin = 1 + int(place - ends[number] + places[number])
        window = pieces[number][begin : begin + need].copy()
        window[0, COLUMN["shift"]] = UNKNOWN
        found.append(Prompt(window[:SEED_NOTES], window[SEED_NOTES:], number))
    return found


def continue_all(
    network: Network,
    places: Sequence[Prompt],
    sampling: Sampling,
    seed: int,
    advance: Callable[[int], None] | None = None,
) -> list[Tokens]:
    """Return a continuation of every prompt, each (NOTES, F).

    Args:
        network: what plays on.
        places: the prompts.
        sampling: how notes are drawn.
        seed: of chance; each prompt has its own part of it.
        advance: told after each continuation that one more is done.
    """
    continuations = []
    for number, place in enumerate(places):
        random = np.random.default_rng((seed, number))
        continuations.append(play_on(network, place.seed, NOTES, sampling, random))
        if advance is not None:
            advance(1)
    return continuations


def judge(
    continuations: Sequence[Tokens], places: Sequence[Prompt], training: Sequence[Tokens]
) -> Figures:
    """Return the figures of continuations, which may be the true ones.

    Args:
        continuations: one for each prompt, each (NOTES, F).
        places: the prompts.
        training: encoded pieces that were learnt from, each (events, F).
    """
    pairs = [(c, place.truth) for c, place in zip(continuations, places, strict=True)]
    agreed = [_agreements(c, place) for c, place in zip(continuations, places, strict=True)]
    events = np.concatenate(list(continuations))
    return Figures(
        distances={
            name: divergence(pooled(name, continuations), pooled(name, [b for _, b in pairs]))
            for name in FEATURES
        },
        distances_each={name: mean_divergence(name, pairs) for name in FEATURES},
        loops=float(np.mean([loops(c) for c in continuations])),
        chords=in_chords(events),
        chords_from_seed=float(
            np.mean(
                [
                    abs(in_chords(c) - in_chords(place.seed))
                    for c, place in zip(continuations, places, strict=True)
                ]
            )
        ),
        longest_copies=tuple(int(n) for n in longest_copies(continuations, training)),
        agreements={name: float(np.mean([a[name] for a in agreed])) for name in agreed[0]},
    )


def pooled(feature: str, passages: Sequence[Tokens]) -> Floats:
    """Return the histogram of a feature over all passages."""
    return np.asarray(sum(histogram(feature, passage) for passage in passages))


def between_halves(passages: Sequence[Tokens], random: np.random.Generator) -> dict[str, float]:
    """Return by feature how far two random halves of the same music are apart, on average.

    Nothing that plays like this music can be expected to come closer.
    """
    distances: dict[str, list[float]] = {name: [] for name in FEATURES}
    for _ in range(HALVINGS):
        order = random.permutation(len(passages))
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        for name, found in distances.items():
            halves = (pooled(name, [passages[i] for i in half]) for half in (one, other))
            found.append(divergence(*halves))
    return {name: float(np.mean(found)) for name, found in distances.items()}


def between_pieces(places: Sequence[Prompt]) -> dict[str, float]:
    """Return by feature how far a prompt's true continuation is from another's, on average.

    Something that plays well, but not on from its prompt, comes about as close.
    """
    turned = [place.truth for place in (*places[len(places) // 2 :], *places[: len(places) // 2])]
    pairs = [(place.truth, other) for place, other in zip(places, turned, strict=True)]
    return {name: mean_divergence(name, pairs) for name in FEATURES}


def from_seeds(places: Sequence[Prompt]) -> dict[str, float]:
    """Return by feature how far a prompt's last notes are from its true continuation, on average.

    As many notes as follow. Nothing knows the piece better: what comes closer foretells its turns.
    """
    pairs = [(place.seed[-len(place.truth) :], place.truth) for place in places]
    return {name: mean_divergence(name, pairs) for name in FEATURES}


def _agreements(continuation: Tokens, place: Prompt) -> dict[str, bool]:
    bars = bars_of(place.seed)
    length = BAR_BEATS * TICKS_PER_BEAT if bars is None else bars.length_ticks
    span = sum(beginning(place.seed, 2**30)[1:])
    agreed = agreements(
        manner_of(place.seed, span), manner_of(*beginning(continuation, ANSWER_BARS * length))
    )
    return {**agreed, "all three": all(agreed.values())}
