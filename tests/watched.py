"""A session that is steered from outside while it plays, by a test."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import psutil

from live.config_file import PROJECT
from live.core.view import View
from live.session import Session
from live.settings import load


class Watched:
    """A session without MIDI ports, run by this process while it waits, and what it tells.

    With ``virtual_ports`` it has those instead.
    """

    def __init__(self, folder, virtual_ports=False, **sections):
        chosen = load(PROJECT / "config.toml", {"recording": {"folder": str(folder)}, **sections})
        self.news = []
        self.closed = False
        self.lines = []
        midi = replace(chosen.midi, demo=((3600.0, b"\x90\x3c\x50"),), api="jack")
        if virtual_ports:
            midi = replace(chosen.midi, input="virtual", output="virtual", api="jack")
        self.session = Session(replace(chosen, midi=midi), self.lines.append)
        self.session.start()
        self.end_watching = self.session.watch(self.news.append)

    def latest(self, kind):
        return next((n for n in reversed(self.news) if isinstance(n, kind)), None)

    def wait_for_view(self, condition, what):
        def holds():
            view = self.latest(View)
            return view is not None and condition(view)

        self.wait_for(holds, what)
        return self.latest(View)

    def wait_for(self, condition, what, seconds=40):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come; {self.lines}"
            self.session.run(0.02)

    def kill(self, name):
        children = psutil.Process().children(recursive=True)
        next(child for child in children if child.name() == name).kill()

    def close(self):
        journal = self.session.journal
        self.session.close()
        self.closed = True
        return [json.loads(line) for line in journal.read_text().splitlines()[1:]]
