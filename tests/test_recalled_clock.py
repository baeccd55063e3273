"""An improviser that takes the place of one that died knows where the clock is."""

from __future__ import annotations

import threading
from multiprocessing import Pipe

import pytest

from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.journal import JournalWriter, read_header, read_lines
from live.messages import ConnectLink, LinkState, NewTake, TakeBegan
from live.midi_io.dispatch import MidiIo
from live.midi_io.settings import MidiSettings
from live.tail import read_tail
from live.transcript import Remembered, Transcript, recall
from tests.core.room import FlatNetwork, Room
from tests.core.sequencer import started
from tests.core.studio import MODEL


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


def test_a_new_take_after_link_has_ended_plays(tmp_path):
    settings = PerformerSettings(mode="continue", clock="link", bpm=100, seed=5)
    midi = MidiSettings("virtual", "virtual", "auto", None, True, (), None, clock="link")
    midi_io = MidiIo(midi, JournalWriter(tmp_path / "first.jsonl", {}))
    theirs, parent = Pipe()
    link, link_process = Pipe()
    improviser, _other_end = Pipe()
    midi_io.listener.connect(improviser, tmp_path / "first.jsonl")
    thread = threading.Thread(target=midi_io.listen, args=(theirs,), daemon=True)
    thread.start()
    parent.send(ConnectLink(link))
    link.close()
    link_process.close()
    waiting = midi_io.listener._to_improviser
    told = [waiting.get(timeout=10)]
    parent.send(NewTake(tmp_path / "second.jsonl", {}))
    told += [waiting.get(timeout=10), waiting.get(timeout=10)]
    parent.close()
    thread.join(20)

    core = Transcript(Performer(settings, FlatNetwork()), MODEL, Remembered())
    for each in told:
        core.begin_take(each) if isinstance(each, TakeBegan) else core.hear(each)
    room = Room(mode="continue", clock="link", bpm=100)
    room.core = core.performer
    room.now = told[-1].time_s + 1
    on = (room.now, bytes([0x90, 60, 80]))
    room.play([on, (room.now + 0.3, bytes([0x80, 60, 0]))])
    room.pass_until(room.now + 5)
    assert room.model


def test_link_that_was_left_for_a_while_leads_again(tmp_path, begin_s):
    room = Room(mode="listen", clock="link", bpm=100)
    ended = LinkState(0.0, 120.0, playing=False, peers=0, ended=True)
    before = [(begin_s + i, LinkState(2.5 + i, 60.0, playing=True, peers=2)) for i in range(5)]
    again = [(begin_s + 20 + i, LinkState(9 + 1.5 * i, 90.0, True, peers=2)) for i in range(5)]
    core = recalled(
        tmp_path / "session.jsonl",
        room.settings,
        [*before, (begin_s + 8, ended), *again[:3]],
    )
    for at_s, state in again:
        room.core.hear(at_s, state)
    for at_s, state in again[3:]:
        core.hear(at_s, state)
    now = begin_s + 25.0
    there, here = place(core, now), place(room.core, now)
    assert there[0] % 96 == pytest.approx(here[0] % 96, abs=1e-3)
    assert there[1:] == pytest.approx(here[1:])
