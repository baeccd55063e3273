"""What an OSC client is told: every setting that changes, whose turn it is, lines for the user."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pythonosc.udp_client import SimpleUDPClient

from live.errors import UserError
from live.messages import TurnChanged
from live.watching import News, SettingChanged, Told

INTERVAL_S: Final = 0.05
"""News are sent this far apart; of several about one thing, the latest."""
MOST_LINES: Final = 50
"""Lines for the user that wait to be sent."""
MODEL: Final = "sampling.model"


class Feedback:
    """Sends news to one client; whoever hands them over never waits."""

    def __init__(self, where: str) -> None:
        """Prepare to send to a ``host:port``.

        Raises:
            UserError: the host is unknown.
        """
        host, _, port = where.rpartition(":")
        try:
            self._client = SimpleUDPClient(host, int(port))
        except OSError as error:
            raise UserError(f"OSC cannot send feedback to {where}: {error.strerror}") from error
        self._waiting: dict[str, Any] = {}
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osc feedback", daemon=True)
        self._thread.start()

    def take(self, news: News) -> None:
        """Take news of a session; see ``Session.watch``."""
        if isinstance(news, SettingChanged):
            self.send({news.name: news.value})
        elif isinstance(news, TurnChanged):
            self._put({"/turn": news.turn})
        elif isinstance(news, Told):
            with self._changed:
                self._lines.append(news.line)
                self._changed.notify()

    def send(self, values: Mapping[str, Any]) -> None:
        """Send values of settings, by full name and as the file spells them."""
        self._put({f"/{name.replace('.', '/')}": _spelled(name, v) for name, v in values.items()})

    def close(self) -> None:
        """Send no more."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(1.0)

    def _put(self, values: Mapping[str, Any]) -> None:
        with self._changed:
            self._waiting.update(values)
            self._changed.notify()

    def _run(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                while not (self._waiting or self._lines or self._closed.is_set()):
                    self._changed.wait()
                news = [*self._waiting.items(), *(("/told", line) for line in self._lines)]
                self._waiting.clear()
                self._lines.clear()
            for address, value in news:
                with suppress(OSError):  # nobody listens there just now
                    self._client.send_message(address, value)
            self._closed.wait(INTERVAL_S)


def _spelled(name: str, value: Any) -> Any:
    """Return a value as a client can take it and send it back: switches as 0 and 1."""
    if name == MODEL:
        return Path(value).name
    return int(value) if isinstance(value, bool) else value
