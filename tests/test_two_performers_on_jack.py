"""Two performers that play with each other, each with thru, through real ports."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter

import pytest

from tests import jack

pytestmark = pytest.mark.jack

PHRASE = [(i * 0.3, i * 0.3 + 0.25, 60 + 2 * i) for i in range(4)]
AT_ONCE = 3
"""Where both happen to strike the same key at once, the other one's is taken for an echo."""
PITCHES = [f"{pitch:02x}" for _, _, pitch in PHRASE]


def own_ports(before):
    """Return the input and the output that have appeared."""
    new = set(jack.ports()) - before
    return next(p for p in new if p.endswith(":Continuo In")), next(
        p for p in new if p.endswith(":Continuo Out")
    )


def journal_of(session):
    """Return the lines of a session's journal, their times on the clock that all share."""
    (journal,) = session.folder.glob("*.jsonl")
    header, *lines = map(json.loads, journal.read_text().splitlines())
    return [[kind, header["origin_s"] + at, *rest] for kind, at, *rest in lines]


def onsets(lines, kind, until):
    return [
        line[2][2:4]
        for line in lines
        if line[0] == kind and line[2].startswith("9") and line[1] < until
    ]


def difference(some, others):
    """Return how many are in one of them only."""
    counted = Counter(some)
    counted.subtract(others)
    return sum(map(abs, counted.values()))


def test_two_performers_answer_each_other_and_neither_hears_itself(performer, peer):
    sessions, ports = [], []
    for number, silence in enumerate(("1", "2.5")):
        before = set(jack.ports())
        flags = ("--virtual", "--bpm", "200", "--seed", str(5 + number), "--silence-beats", silence)
        sessions.append(performer(*flags))
        sessions[-1].wait_ready()
        ports.append(own_ports(before))
    (first_in, first_out), (second_in, second_out) = ports
    jack.connect("peer-keys:out", first_in)
    jack.connect(first_out, second_in)
    jack.connect(second_out, first_in)
    jack.connect(second_out, "peer-ears:in")
    peer.play(PHRASE)
    time.sleep(7)
    for session in sessions:
        session.stop(signal.SIGTERM)
    journals = [journal_of(session) for session in sessions]
    until = min(lines[-1][1] for lines in journals) - 0.1
    played, heard, echoes = (
        [onsets(lines, kind, until) for lines in journals] for kind in ("out", "in", "echo")
    )
    for number, session in enumerate(sessions):
        assert played[number], "it never played"
        assert session.output.count("comes back at the input") == 1
    # What one sends as the first comes back from the other one's thru, once, and is left out.
    assert difference(echoes[0], [*PITCHES, *played[0]]) <= AT_ONCE
    assert difference(echoes[1], played[1]) <= AT_ONCE
    # Each hears what the other one plays or is played by the peer.
    assert difference(heard[0], [*PITCHES, *played[1]]) <= AT_ONCE
    assert difference(heard[1], [*PITCHES, *played[0]]) <= AT_ONCE
    assert peer.sounding() == set()
