"""A new take: another journal while the music goes on."""

from __future__ import annotations

import mido
import pytest

from live.errors import UserError
from live.journal import read_header, read_lines
from tests.watched import Watched


@pytest.fixture
def watched(tmp_path, monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    one = Watched(tmp_path / "sessions")
    yield one
    if not one.closed:
        one.close()


def heard(journal):
    return [line.message for line in read_lines(journal) if line.kind == "in"]


def test_what_is_played_across_a_new_take_is_whole_in_both_and_each_has_its_midi_file(watched):
    first = watched.session.journal
    watched.session.change("bpm", 90)
    sent = []
    for number in range(60):
        if number == 30:
            watched.session.new_take()
            watched.session.new_take()  # pressed twice: one take
        on, off = bytes([0x90, 40 + number, 80]), bytes([0x80, 40 + number, 0])
        sent += [on, off]
        watched.session.play(on)
        watched.session.run(0.005)
        watched.session.play(off)
    watched.wait_for(lambda: any("a new take has begun" in x for x in watched.lines), "the take")
    second = watched.session.journal
    watched.close()
    assert sorted(first.parent.glob("*.jsonl")) == sorted([first, second])
    assert heard(first) + heard(second) == sent
    assert heard(first)
    assert heard(second)
    assert [line.kind for line in read_lines(first)][-1] == "end"
    assert read_header(second)["bpm"] == 90
    assert read_header(second)["performer"]["bpm"] == 90
    for journal in (first, second):
        notes = [m for m in mido.MidiFile(journal.with_suffix(".mid")) if m.type == "note_on"]
        assert len(notes) >= len([m for m in heard(journal) if m[0] == 0x90])


def test_a_new_take_ends_the_models_turn_and_its_memory(watched):
    watched.session.change("bpm", 240)
    watched.session.change("mode", "continue")
    watched.session.play(b"\x90\x3c\x50\x80\x3c\x00")
    watched.session.do("your_turn")
    first = watched.session.journal
    watched.wait_for(
        lambda: any(line.kind == "out" for line in read_lines(first)), "a note of the model's"
    )
    watched.wait_for_view(lambda v: v.turn == "model", "a view of its turn")
    watched.session.new_take()
    watched.wait_for(lambda: watched.session.journal != first, "the take")
    view = watched.wait_for_view(lambda v: v.turn == "player" and not v.notes, "silence")
    assert view.settings.mode == "continue"
    watched.session.run(0.5)
    second = watched.session.journal
    assert [x.kind for x in read_lines(second) if x.kind not in ("core", "step")] == []
    watched.session.do("your_turn")
    watched.wait_for_view(lambda v: v.turn == "model", "another turn")
    watched.close()
    turns = [line.rest[0] for line in read_lines(first) if line.kind == "turn"]
    assert turns[:1] == ["model"]
    outs = [line for line in read_lines(first) if line.kind == "out"]
    ons = sum(line.message[0] & 0xF0 == 0x90 for line in outs)
    assert ons > 0
    assert len(outs) == 2 * ons  # every note of the take ends in the take


@pytest.mark.jack
def test_a_key_that_is_held_across_a_new_take_sounds_on_until_it_is_let_go(tmp_path, peer):
    one = Watched(tmp_path / "sessions", virtual_ports=True)
    try:
        peer.connect()
        first = one.session.journal
        peer.send(0x90, 60, 80)
        one.wait_for(lambda: peer.sounding() == {(0, 60)}, "the note")
        one.session.new_take()
        one.wait_for(lambda: one.session.journal != first, "the take")
        one.session.run(0.3)
        assert peer.sounding() == {(0, 60)}
        peer.send(0x80, 60, 0)
        one.wait_for(lambda: peer.sounding() == set(), "its end")
        assert [data[0] for _, data in peer.heard] == [0x90, 0x80]
    finally:
        one.close()


def test_a_take_that_cannot_begin_leaves_the_old_one_going(watched):
    first = watched.session.journal
    folder = first.parent
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("a file in the folder's place")
    with pytest.raises(UserError, match="cannot record"):
        watched.session.new_take()
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    watched.session.play(b"\x90\x3c\x50\x80\x3c\x00")
    watched.session.run(0.1)
    watched.close()
    assert heard(first) == [b"\x90\x3c\x50", b"\x80\x3c\x00"]
