"""The page's process beside a session: whatever becomes of it, the session goes on and ends."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import psutil

from live.page import link
from live.page.settings import PageSettings
from live.watching import SettingChanged, Told
from tests.jack import wait_for


def deaf(settings, setup, pipe):
    """A page that hangs: it reads nothing."""
    while True:
        time.sleep(1)


class Session:
    """What a page needs of a session."""

    def __init__(self):
        self.watcher = None

    def values(self):
        return {}

    def watch(self, watcher):
        self.watcher = watcher
        return lambda: None

    def play(self, data):
        pass


def test_page_that_hangs_does_not_hold_up_the_end(monkeypatch, tmp_path):
    monkeypatch.setattr(link.processes, "page", deaf)
    session = Session()
    page = link.PageLink(PageSettings(), session, tmp_path, print)
    wait_for(lambda: session.watcher is not None, "the page's process", 60.0)
    (child,) = [c for c in psutil.Process().children() if c.pid == page._process.pid]
    for _ in range(200):  # more than a pipe holds: the outbox waits in the middle of a message
        session.watcher(Told("x" * 100_000))
    time.sleep(0.2)
    ending = threading.Thread(target=page.close, daemon=True)
    ending.start()
    ending.join(link.STOP_TIMEOUT_S + 20)
    assert not ending.is_alive()
    wait_for(lambda: not child.is_running(), "the end of the page's process", 20.0)


def test_a_setting_that_is_changed_while_the_page_starts_is_shown_there(monkeypatch, tmp_path):
    session, sent = Session(), []
    session.values = lambda: {"time.bpm": 90.0, "turns.mode": mode}
    mode = "call"

    def start(*_arguments, **_options):
        nonlocal mode
        mode = "duet"
        return SimpleNamespace(), None

    monkeypatch.setattr(link, "start_process", start)
    outbox = SimpleNamespace(put=lambda news, key: sent.append(news))
    monkeypatch.setattr(link, "Outbox", lambda pipe: outbox)
    monkeypatch.setattr(link.PageLink, "_keep_going", lambda self: None)
    link.PageLink(PageSettings(), session, tmp_path, print)._start()
    assert sent == [SettingChanged("turns.mode", "duet")]
