"""Settings that are changed while a process is dead, hangs or begins hold wherever they matter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from live import supervisor
from live.config_file import PROJECT
from live.journal import JournalWriter
from live.messages import Ready
from live.midi_io.dispatch import MidiIo
from live.session import Session
from live.settings import load
from live.watching import SettingChanged


class Children:
    """Children that are there at once: a midi_io of real parts, an improviser that is deaf."""

    def __init__(self, folder):
        self._folder = folder
        self.begun = []
        """Names of those that were started, and what they were given first."""
        self.midi_io = None
        self.parent = None
        """Takes what midi_io says to it."""

    def __call__(self, name, _body, settings, *_):
        self.begun.append((name, settings))
        if name == "midi_io":
            journal = JournalWriter(self._folder / f"{len(self.begun)}.jsonl", {})
            self.midi_io = MidiIo(settings, journal, SimpleNamespace(put=self._say))
        hear = self.midi_io._obey if name == "midi_io" else lambda _: None
        outbox = SimpleNamespace(put=lambda each, key=None: hear(each), send_now=lambda _: None)
        return SimpleNamespace(name=name, outbox=outbox, end=lambda: None)

    def _say(self, message):
        self.parent(message)


@pytest.fixture
def children(tmp_path, monkeypatch):
    children = Children(tmp_path)
    monkeypatch.setattr(supervisor, "Child", children)
    return children


@pytest.fixture
def session(tmp_path, children):
    settings = load(PROJECT / "config.toml", {"recording": {"folder": str(tmp_path / "takes")}})
    session = Session(settings, lambda line: None)
    children.parent = session._take
    session.news = []
    session.watch(session.news.append)
    session._children._start_midi_io()
    session._children._start_improviser()
    return session


CHANGES = {
    "instruments.left_channel": 5,
    "instruments.split": 48,
    "time.latency_ms": -20.0,
    "time.clock": "midi",
}


def change(session):
    for name, value in CHANGES.items():
        session.change(name, value)


def check(session, children):
    player, listener = children.midi_io.player, children.midi_io.listener
    assert (player._split.left_channel, player._split.lowest_right) == (4, 48)
    assert player.latency_s == -0.02
    assert listener._clock.relay(0.0, b"\xf8") == [b"\xf8"]  # it is followed
    assert {SettingChanged(*each) for each in CHANGES.items()} <= set(session.news)
    assert session.values().items() >= CHANGES.items()


def test_changed_while_the_improviser_hung_or_was_dead_already(session, children):
    change(session)
    session._children._replace_improviser(again=True)
    check(session, children)
    assert children.begun[-1][1].left_channel == 4


def test_changed_while_midi_io_comes_back(session, children):
    session._children._replace_midi_io(again=True)
    change(session)
    session._children._rejoin(session._children.midi_io, Ready("ports"))
    assert children.begun[-1][0] == "improviser"
    check(session, children)


def test_changed_while_there_is_no_improviser_any_more(session, children):
    session._children._replace_improviser(again=False)
    change(session)
    check(session, children)


def test_changed_before_the_improviser_was_given_up(session, children):
    change(session)
    session._children._replace_improviser(again=False)
    check(session, children)


def test_what_was_told_is_told_once(session, children):
    change(session)
    session._children._replace_improviser(again=True)
    session.news.clear()
    session._children._replace_improviser(again=True)
    assert not any(isinstance(news, SettingChanged) for news in session.news)


def test_a_setting_of_midi_io_that_it_began_with_is_told(session, children):
    midi_io = session._children.midi_io
    session._children.midi_io = hanging(midi_io)
    session.change("midi.thru", False)
    session._children._replace_midi_io(again=True)
    assert children.begun[-1][1].thru is False
    assert SettingChanged("midi.thru", False) in session.news


def hanging(child):
    """Return the child as one that hangs."""
    deaf = SimpleNamespace(put=lambda *_, **__: None, send_now=lambda _: None)
    return SimpleNamespace(name=child.name, outbox=deaf, end=lambda: None)


@pytest.mark.parametrize("state", ["hangs", "is gone"])
def test_panic_is_obeyed_though_the_improviser_cannot(session, children, state):
    children.midi_io.listener.on_played(b"\x90\x3c\x50")
    if state == "is gone":
        session._children._replace_improviser(again=False)
    session.do("panic")
    assert children.midi_io.player._ledger.sounding == set()
