"""The picture of a moment on its way to another process."""

from __future__ import annotations

import pickle
from dataclasses import fields

from live.core.view import NoteView, View
from tests.core.room import FlatNetwork
from tests.stage import Stage


def test_a_view_arrives_as_it_was(monkeypatch):
    stage = Stage(monkeypatch, FlatNetwork)
    stage.play(bytes([0x90, 60, 80]))
    stage.wake()
    stage.pass_until(stage.now_s + 1.0)
    sent = stage.core.view(stage.now_s)
    assert sent.notes
    arrived = pickle.loads(pickle.dumps(sent))
    assert type(arrived) is View
    assert type(arrived.notes[0]) is NoteView
    for each in fields(View):
        assert getattr(arrived, each.name) == getattr(sent, each.name)


def test_a_view_of_no_notes_arrives_too(monkeypatch):
    stage = Stage(monkeypatch, FlatNetwork)
    sent = stage.core.view(stage.now_s)
    assert sent.notes == ()
    assert pickle.loads(pickle.dumps(sent)) == sent
