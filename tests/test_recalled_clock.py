"""An improviser that takes the place of one that died knows where the clock is."""

from __future__ import annotations

import pytest

from live.core.performer import Performer
from live.journal import JournalWriter, read_header, read_lines
from live.messages import LinkState
from live.tail import read_tail
from live.transcript import Remembered, recall
from tests.core.room import FlatNetwork, Room
from tests.core.sequencer import started


def recalled(path, settings, given):
    """Write what was given to a journal as the listener does, and let a new core read it."""
    journal = JournalWriter(path, {})
    for number, (time_s, data) in enumerate(given, start=1):
        kind = "link" if isinstance(data, LinkState) else "clock"
        journal.write(kind, time_s, data, number)
    journal.close()
    core = Performer(settings, FlatNetwork())
    lines = list(read_lines(path))
    assert all(line.told == data for line, (_, data) in zip(lines, given, strict=False))
    remembered = recall(core, read_tail(path, 1), read_header(path)["origin_s"])
    assert remembered == Remembered(0, len(given) + 1, len(given))
    return core


def place(core, time_s):
    tick = core.clock.tick_at(time_s)
    return tick - core.clock.downbeat_tick, core.view(time_s).bpm, core.view(time_s).running


@pytest.fixture
def begin_s(tmp_path):
    """Return a moment after which all times can stand in a journal that begins now."""
    journal = JournalWriter(tmp_path / "first.jsonl", {})
    journal.close()
    return read_header(tmp_path / "first.jsonl")["origin_s"] + 100


def test_midi_clock_is_where_it_was(tmp_path, begin_s):
    room = Room(mode="listen", clock="midi", bpm=100)
    clock = started(start_s=begin_s, jitter_s=0.002).run(37, 131)
    room.play(clock.messages)
    core = recalled(tmp_path / "session.jsonl", room.settings, clock.messages)
    assert place(core, room.now) == pytest.approx(place(room.core, room.now), abs=1e-3)


def test_link_is_where_it_was(tmp_path, begin_s):
    room = Room(mode="listen", clock="link", bpm=100)
    said = [(begin_s + i, LinkState(2.5 + 1.5 * i, 90.0, playing=True, peers=2)) for i in range(5)]
    for at_s, state in said:
        room.core.hear(at_s, state)
    core = recalled(tmp_path / "session.jsonl", room.settings, said)
    now = begin_s + 6.0
    there, here = place(core, now), place(room.core, now)
    assert there[0] % 96 == pytest.approx(here[0] % 96, abs=1e-3)
    assert there[1:] == pytest.approx(here[1:])
