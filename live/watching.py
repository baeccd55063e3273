"""What a session tells those who watch it: terminal, page, other programs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from live.core.view import View
from live.messages import Health, PortList, TurnChanged


@dataclass(frozen=True, slots=True)
class Told:
    """A line for the user."""

    line: str


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A live setting has another value."""

    name: str
    """Its full name, as ``time.bpm``."""
    value: Any
    """As the file spells it."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """A process of the session ended by itself and is started anew."""

    times: int
    """So many since the session began."""


News = View | Health | PortList | Told | SettingChanged | Restarted | TurnChanged
Watcher = Callable[[News], None]


class Watchers:
    """Those who watch; they may come and go from any thread."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []
        self._lock = threading.Lock()
        self.view: View | None = None
        self.health: Health | None = None
        self.restarted: Restarted | None = None
        self.ports: PortList | None = None

    def add(self, watcher: Watcher) -> Callable[[], None]:
        """Let somebody watch from now on, beginning with the latest view, health and ports.

        The watcher is called on whatever thread has news: it must not wait for anything. What it
        raises is passed over.

        Returns:
            A function that ends it.
        """
        with self._lock:
            self._watchers = [*self._watchers, watcher]
            known = (self.view, self.health, self.ports, self.restarted)
            latest = [news for news in known if news is not None]
        for news in latest:
            _call(watcher, news)

        def end() -> None:
            with self._lock:
                self._watchers = [w for w in self._watchers if w is not watcher]

        return end

    def tell(self, news: News) -> None:
        """Hand news to everybody."""
        if isinstance(news, View):
            self.view = news
        elif isinstance(news, Health):
            self.health = news
        elif isinstance(news, Restarted):
            self.restarted = news
        elif isinstance(news, PortList):
            self.ports = news
        for watcher in self._watchers:
            _call(watcher, news)


def _call(watcher: Watcher, news: News) -> None:
    with suppress(Exception):  # what somebody does with the news is not the session's fault
        watcher(news)
