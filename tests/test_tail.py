"""Who goes on from the end of a long journal reads a bounded part of it, and knows what matters."""

from __future__ import annotations

import itertools
import json
import sys
import time

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live import journal, tail
from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.journal import JournalWriter, read_lines
from live.journal_line import Line, as_line
from live.messages import PlayNote
from live.replay import replay
from live.standing import Standing
from live.tail import (
    MOST_SECTIONS,
    SECTION_LINES,
    Tail,
    notes_for,
    read_tail,
    tail_since,
    what_stands,
)
from live.transcript import recall
from tests.core.room import FlatNetwork
from tests.core.sequencer import started
from tests.stage import BEGAN_S, Stage

BEAT_S = 0.4
WINDOW = 4


def stage_of(monkeypatch, **how):
    return Stage(monkeypatch, bpm=60 / BEAT_S, seed_window=WINDOW, **how)


def play_phrases(stage, count):
    """Play phrases, each a little louder and each answered."""
    for number in range(count):
        for step in range(5):
            stage.play(bytes([0x90, 50 + (7 * number + 3 * step) % 20, 40 + number % 80]))
            stage.wake()
            stage.pass_until(stage.now_s + BEAT_S / 2)
            stage.play(bytes([0x80, 50 + (7 * number + 3 * step) % 20, 0]))
            stage.wake()
        stage.pass_until(stage.now_s + 7.3 * BEAT_S)


def recalled(stage, from_tail):
    core = Performer(stage.core.settings, FlatNetwork())
    lines = stage.journal.tail(notes_for(WINDOW)) if from_tail else None
    recall(core, lines or Tail(Standing(), stage.lines), BEGAN_S)
    return core, lines


def next_notes(core, now_s, *played):
    """Return what a core plays after some more that it hears."""
    notes = []
    for at_s, data in [*played, (12.0, None)]:
        while (wake_s := core.wake_at()) is not None and wake_s < now_s + at_s:
            notes += core.advance(max(now_s, wake_s + 1e-6))
        if data is not None:
            notes += core.hear(now_s + at_s, data) + core.advance(now_s + at_s)
    return [x for x in notes if isinstance(x, PlayNote)]


def same(ours, theirs):
    assert [(n.channel, n.pitch, n.velocity) for n in ours] == [
        (n.channel, n.pitch, n.velocity) for n in theirs
    ]
    for name in ("onset_s", "release_s"):
        assert [getattr(n, name) for n in ours] == pytest.approx(
            [getattr(n, name) for n in theirs], abs=1e-5
        )


PHRASE = [(0.1, bytes([0x90, 60, 90])), (0.5, bytes([0x80, 60, 0])), (0.6, bytes([0x90, 64, 30]))]
PHRASE += [(1.0, bytes([0x80, 64, 0]))]


@pytest.mark.parametrize("mode", ["call", "continue", "duet"])
def test_core_that_heard_the_tail_plays_as_one_that_heard_everything(monkeypatch, mode):
    stage = stage_of(monkeypatch, mode=mode)
    play_phrases(stage, 25)
    whole, _ = recalled(stage, from_tail=False)
    short, lines = recalled(stage, from_tail=True)
    assert lines.since > 0
    assert len(lines.lines) < len(stage.lines) / 3
    ours, theirs = (next_notes(core, stage.now_s, *PHRASE) for core in (short, whole))
    assert len(ours) > 1
    same(ours, theirs)


def test_model_that_has_played_alone_for_long_plays_on_and_as_loud_as_the_player(monkeypatch):
    monkeypatch.setattr(tail, "MOST_SECTIONS", 2)
    stage = stage_of(monkeypatch, mode="continue")
    play_phrases(stage, 1)
    stage.pass_until(stage.now_s + 150)
    core, lines = recalled(stage, from_tail=True)
    assert not any(line.kind == "in" for line in lines.lines)
    stage.die()
    notes = next_notes(core, stage.now_s)
    assert notes
    assert {note.velocity for note in notes} == {40}


def test_beat_of_long_ago_is_still_the_beat(monkeypatch):
    """Who plays on without a bar of silence is never given another downbeat."""
    monkeypatch.setattr(tail, "MOST_SECTIONS", 2)
    stage = stage_of(monkeypatch, mode="listen")
    stage.pass_until(stage.now_s + 0.137)
    for number in range(300):
        stage.play(bytes([0x90, 50 + number % 9, 80]))
        stage.wake()
        stage.pass_until(stage.now_s + BEAT_S * 1.25)
        stage.play(bytes([0x80, 50 + number % 9, 0]))
        stage.wake()
    core, lines = recalled(stage, from_tail=True)
    assert not any(line.kind == "beat" for line in lines.lines)
    assert place(core, stage.now_s) == pytest.approx(place(stage.core, stage.now_s), abs=0.01)


# -- a MIDI clock --------------------------------------------------------------------------------


def place(core, time_s):
    """Return where in the bar a moment is, in ticks; just before a bar line is just after it."""
    clock = core.clock
    return (clock.tick_at(time_s) - clock.downbeat_tick + 1) % clock.bar_length_ticks - 1


def follow(stage, sequencer):
    for at_s, data in sequencer.messages:
        stage.pass_until(at_s)
        stage.play(data)
        stage.wake()
    del sequencer.messages[:]


@pytest.mark.parametrize("bpm", [97.3, 211.0])
@pytest.mark.parametrize("beats", [3, 4])
def test_place_in_the_bar_survives_however_long_ago_the_clock_was_started(monkeypatch, bpm, beats):
    monkeypatch.setattr(tail, "MOST_SECTIONS", 2)
    stage = stage_of(monkeypatch, mode="listen", clock="midi", beats_per_bar=beats)
    stage.midi_io.listener.follow("midi")
    clock = started(start_s=BEGAN_S + 1.0, jitter_s=0.002)
    clock.run(100, bpm)
    follow(stage, clock)
    assert all(bytes.fromhex(line.rest[0])[0] == 0xF8 for line in kept_clock(stage))
    for beats_more in (0, 1, 2, 7):
        clock.run(beats_more, bpm)
        follow(stage, clock)
        core, lines = recalled(stage, from_tail=True)
        assert lines.since > 0
        assert core._time.running
        now_s = stage.now_s + 0.3
        assert place(core, now_s) == pytest.approx(place(stage.core, now_s), abs=0.2)


def kept_clock(stage):
    return [x for x in recalled(stage, from_tail=True)[1].lines if x.kind == "clock"]


def test_clock_that_was_stopped_long_ago_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(tail, "MOST_SECTIONS", 1)
    stage = stage_of(monkeypatch, mode="listen", clock="midi")
    stage.midi_io.listener.follow("midi")
    clock = started(start_s=BEGAN_S + 1.0)
    clock.run(9, 120.0)
    clock.run(0.5, 120.0)
    clock.send(0xFC)
    clock.run(20, 120.0)  # many go on to send
    follow(stage, clock)
    core, lines = recalled(stage, from_tail=True)
    assert lines.since > 0
    assert not core._time.running
    clock.send(0xFB)
    clock.run(5, 120.0)
    for at_s, data in clock.messages:
        core.hear(at_s, data)
        core.advance(at_s)
    follow(stage, clock)
    assert core._time.running
    assert place(core, stage.now_s) == pytest.approx(place(stage.core, stage.now_s), abs=0.2)


# -- what stands ---------------------------------------------------------------------------------

keys = st.tuples(st.sampled_from([0x90, 0x91, 0x80, 0x81]), st.integers(60, 64), st.integers(0, 99))
clocks = st.sampled_from([b"\xf8", b"\xfa", b"\xfb", b"\xfc", b"\xf2\x08\x00"])
pedals = st.sampled_from([b"\xb0\x40\x7f", b"\xb0\x40\x00"])
entries = st.lists(
    st.one_of(
        st.tuples(st.just("in"), keys.map(bytes), st.booleans()),
        st.tuples(st.just("hush"), keys.map(lambda k: bytes([0x80, k[1], 0])), st.just(True)),
        st.tuples(
            st.just("in"), st.sampled_from([b"\xb0\x40\x7f", b"\xb0\x40\x00"]), st.just(True)
        ),
        st.tuples(st.just("out"), keys.map(bytes), st.just(False)),
        st.tuples(st.just("clock"), clocks, st.just(True)),
        st.tuples(st.sampled_from(["turn", "beat", "step"]), st.none(), st.just(False)),
    ),
    max_size=60,
)
REST = {"turn": ("model",), "beat": (12.0, 0.02, 3, 96), "step": (1,)}


def lines_of(drawn):
    lines, number = [], 0
    for count, (kind, data, told) in enumerate(drawn):
        number += told
        rest = REST[kind] if data is None else (data.hex(), *([number] if told else []))
        lines.append(Line(kind, 0.01 * count, rest))
    return lines


@given(entries, st.data())
@settings(deadline=None)
def test_what_stands_can_be_told_and_read_back_at_any_moment(drawn, data):
    one, other = Standing(), Standing()
    cut = data.draw(st.integers(0, len(drawn)))
    lines = lines_of(drawn)
    for line in lines[:cut]:
        one.take(line)
        other.take(line)
    other = Standing.read(as_line(json.loads(json.dumps(other.summary(9.0)))))
    for line in lines[cut:]:
        one.take(line)
        other.take(line)
    assert (other.number, other.sound_s, other.clock) == (one.number, one.sound_s, one.clock)
    for kind in ("in", "out"):
        assert other.down(kind) == one.down(kind)
        assert other.pedals(kind) == one.pedals(kind)
    assert (other.lines, other.beat) == (one.lines, one.beat)
    held = {"in": set(), "out": set()}
    for line in lines:
        message = line.message if line.kind in held else None
        if message is not None and message[0] < 0xA0:
            key = message[0] & 15, message[1]
            struck = message[0] >= 0x90 and message[2] > 0
            (held[line.kind].add if struck else held[line.kind].discard)(key)
    assert held == {kind: other.down(kind) for kind in held}


STANDS = Standing().summary(1.0)[2]


@pytest.mark.parametrize(
    "about",
    [
        {},
        3,
        STANDS | {"id": -1},
        STANDS | {"number": "many"},
        STANDS | {"down": {"in": [[16, 60]]}},
    ],
)
def test_sum_that_makes_no_sense_is_a_line_as_any_other(tmp_path, about):
    text = json.dumps(about)
    path = tmp_path / "session.jsonl"
    path.write_text(
        f'{{"journal": 1}}\n["in", 1.0, "903c50", 1]\n["sum", 2.0, {text}]\n["end", 3.0]'
    )
    found = read_tail(path, 1)
    assert (found.since, [x.kind for x in found.lines]) == (0, ["in", "sum", "end"])
    assert what_stands(path).down("in") == {(0, 60)}


def test_a_beat_that_makes_no_sense_hides_none():
    standing = Standing()
    standing.take(Line("beat", 1.0, REST["beat"]))
    standing.take(Line("beat", 2.0, (12.0, 0.0, 3, 96)))
    assert standing.beat is not None
    assert standing.beat.time_s == 1.0


# -- the file ------------------------------------------------------------------------------------


def test_key_held_for_long_is_known_also_to_a_writer_that_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "SECTION_LINES", 50)
    path = tmp_path / "session.jsonl"
    for begun in range(2):
        writer = JournalWriter(path, {})
        now_s = time.perf_counter()
        if not begun:
            writer.write("in", now_s, bytes([0x90, 40, 80]), 1)
            writer.write("out", now_s, bytes([0x91, 41, 80]), 1, now_s)
        for number in range(220):
            writer.write("clock", now_s, b"\xf8", 2 + 220 * begun + number)
        writer.close()
    lines = list(read_lines(path))
    kinds = [line.kind for line in lines]
    assert all(i - kinds.index("sum") in (51 * n for n in range(9)) for i in places(kinds, "sum"))
    standing = what_stands(path)
    assert (standing.down("in"), standing.down("out")) == ({(0, 40)}, {(1, 41)})
    assert standing.number == 441
    assert standing.id == kinds.count("sum") == 8
    found = read_tail(path, 0)
    assert len(found.lines) < 51
    assert list(tail_since(lines, found.since, len(found.lines)).lines) == found.lines
    (core_sees,) = [line for line in standing.lines if line.kind == "in"]
    assert core_sees.message == bytes([0x90, 40, 80])


def places(kinds, kind):
    return [index for index, each in enumerate(kinds) if each == kind]


def test_line_that_was_cut_off_takes_none_of_the_next_writer_with_it(tmp_path):
    path = tmp_path / "session.jsonl"
    JournalWriter(path, {}).close()
    with path.open("a") as file:
        file.write('["in", 0.1, "903c')
    writer = JournalWriter(path, {})
    writer.write("turn", time.perf_counter(), "model")
    writer.close()
    assert [line.kind for line in read_lines(path)] == ["end", "turn", "end"]


def write_long(path, count):
    """Write a journal of a followed MIDI clock, with a few notes, and a key held from the first."""
    standing = Standing()
    standing.take(Line("in", 0.0, ("902850", 1)))
    standing.take(Line("clock", 0.0, ("fa", 2)))
    with path.open("w") as file:
        file.write('{"journal": 1, "origin_s": 1000.0}\n')
        lines = iter(range(3, count))
        while section := list(itertools.islice(lines, 0, SECTION_LINES)):
            at_s = section[0] / 96
            text = [
                f'["clock", {n / 96}, "f8", {n}]\n["step", {n / 96}, {n}]' for n in section[::2]
            ]
            text[5] = f'["in", {at_s}, "903c50", {section[10]}]\n["step", {at_s}, {section[10]}]'
            text[9] = f'["in", {at_s}, "803c50", {section[18]}]\n["step", {at_s}, {section[18]}]'
            standing.number = section[-1]
            file.write("\n".join([*text, json.dumps(standing.summary(section[-1] / 96)), ""]))


def test_a_million_lines_are_recalled_by_reading_a_bounded_part(tmp_path):
    path = tmp_path / "session.jsonl"
    write_long(path, 1_000_000)
    process = psutil.Process()
    read, cpu_s = bytes_read(process), time.process_time()
    found = read_tail(path, notes_for(128))
    read = bytes_read(process) - read
    core = Performer(PerformerSettings(model="flat.onnx", clock="midi"), FlatNetwork())
    remembered = recall(core, found, BEGAN_S)
    cpu_s = time.process_time() - cpu_s
    standing = what_stands(path)
    most = MOST_SECTIONS * (SECTION_LINES + 1)
    assert most / 2 < len(found.lines) <= most
    assert read < path.stat().st_size / 10
    assert cpu_s < 10
    assert remembered.heard == standing.number > 990_000
    assert standing.down("in") == {(0, 40)}
    assert core._hearing.keys_down == 1


def bytes_read(process):
    """Return what a process has read from files; where the system does not tell, nothing."""
    return process.io_counters().read_chars if sys.platform == "linux" else 0


def test_session_with_deaths_after_a_long_time_is_replayed_to_the_same_notes(monkeypatch):
    stage = stage_of(monkeypatch, mode="continue")
    for _ in range(3):
        play_phrases(stage, 12)
        stage.play(bytes([0x90, 50, 80]))
        stage.wake()
        stage.die()
        stage.restart()
        stage.play(bytes([0x80, 50, 0]))
        stage.wake()
    stage.pass_until(stage.now_s + 5)
    begun = list(stage.take().begins.values())
    assert [begins.remembered.since > 0 for begins in begun] == [False, True, True, True]
    again = replay(stage.take(), lambda file: FlatNetwork())
    assert [given.note for given in again.given] == stage.given
