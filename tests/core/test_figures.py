"""Trills, glissandi and clusters for minutes on end: the core keeps up, forgets, and answers."""

from __future__ import annotations

import random

import pytest

from tests.core.room import FlatNetwork, Room

ORNAMENTS_PER_S = 16
MOST_RUN = 128
"""Events that the network is run on for each note, at most, on average: what was held is read
again when it is released, with what followed it, but never more than the seed window."""


def trill(rng, start, seconds):
    low = rng.randint(40, 80)
    for number in range(int(seconds * ORNAMENTS_PER_S)):
        at = start + number / ORNAMENTS_PER_S
        yield at, at + 0.9 / ORNAMENTS_PER_S, low + 2 * (number % 2)


def glissando(rng, start, seconds):
    step = rng.choice((-1, 1))
    first = 84 if step < 0 else 40
    for number in range(int(seconds * 2 * ORNAMENTS_PER_S)):
        at = start + number / ORNAMENTS_PER_S / 2
        yield at, at + 0.1, first + step * (number % 44)


def cluster(rng, start, seconds):
    low = rng.randint(40, 70)
    for number in range(12):
        yield start + number * 0.002, start + seconds - 0.1, low + number


def figures(rng, seconds):
    """Yield notes (onset, release, pitch) in seconds, and where each figure ends."""
    now = 0.0
    while now < seconds:
        length = rng.uniform(1.0, 8.0)
        yield list(rng.choice((trill, glissando, cluster))(rng, now, length)), now + length
        now += length + rng.choice((0.0, 0.0, 0.2, 3.0))


@pytest.mark.parametrize("seconds", [20, pytest.param(600, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", ["call", "duet"])
def test_trills_glissandi_and_clusters_are_answered_and_forgotten(mode, seconds):
    rng = random.Random(seconds)
    network = FlatNetwork()
    room = Room(network, mode=mode, bpm=120.0)
    heard = 0
    end = 0.0
    for notes, end in figures(rng, seconds):
        messages = [
            ((on, bytes([0x90, p, 80])), (off, bytes([0x80, p, 0]))) for on, off, p in notes
        ]
        room.play(*messages, until=end / room.beat)
        heard += len(notes)
    before = len(room.model)
    room.play(room.note(end / room.beat + 4, 1, 60), until=end / room.beat + 12)
    assert len(room.model) > before, "no answer"
    assert len(room.core.window()) <= 2 * room.settings.seed_window
    assert network.events_run < MOST_RUN * (heard + len(room.model)) + 2000
    view = room.core.view(room.now)
    assert all(n.release_s is not None for n in view.notes if n.who == "player")
