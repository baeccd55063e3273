"""A disk that is full while takes begin and processes die."""

from __future__ import annotations

import time

import pytest

from live.config_file import PROJECT
from live.journal import JournalWriter, is_being_written, read_header, read_lines
from live.messages import Health
from live.session import Session
from live.settings import load
from tests.disk import full_disk
from tests.jack import wait_for


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.jsonl"


def write(path, number):
    writer = JournalWriter(path, {"bpm": 90.0})
    writer.write("in", time.perf_counter(), bytes([0x90, 60, 80]), number)
    return writer


def test_journal_that_has_no_room_for_its_beginning_is_none_and_leaves_no_part_of_it(path):
    with full_disk(20), pytest.raises(OSError, match="No space"):
        JournalWriter(path, {"bpm": 90.0})
    assert path.read_bytes() == b""
    assert not is_being_written(path)
    write(path, 1).close()
    assert read_header(path)["bpm"] == 90.0


def test_journal_whose_last_line_was_cut_off_is_gone_on_with(path):
    write(path, 1).close()
    path.write_bytes(path.read_bytes()[:-4])
    with full_disk(path.stat().st_size):
        writer = write(path, 2)
        wait_for(lambda: writer.lost_lines > 0, "its refusal")
    writer.close()
    assert writer.lost_lines == 0
    assert [(line.kind, line.number) for line in read_lines(path)] == [
        ("in", 1),
        ("in", 2),
        ("end", None),
    ]


def test_lines_that_a_dead_midi_io_kept_are_told_as_lost(tmp_path, monkeypatch):
    def health(lost_lines):
        return Health(1.0, "keys", "synth", True, True, True, 0, 0.0, 1.0, lost_lines)

    told = []
    settings = load(PROJECT / "config.toml", {"recording": {"folder": str(tmp_path)}})
    session = Session(settings, told.append)
    monkeypatch.setattr(session._children, "_start_midi_io", lambda: None)
    session._take(health(7))
    session._children._replace_midi_io(again=True)
    session._take(health(0))
    assert ["does not take" in told[0], "did not take 7 lines" in told[1]] == [True, True]
    assert "whole recording" not in "".join(told)
