"""What the page's process knows of the session, shared by all pages that are open."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from live.core.view import View
from live.messages import Health, PortList
from live.page.held_keys import HeldKeys
from live.page.messages import (
    PageSetup,
    PlayedHere,
    Refused,
    WantCommand,
    WantSetting,
    WantTake,
)
from live.page.picture import Picture
from live.watching import Restarted, SettingChanged, Told

KEPT_LINES: Final = 50

Request = WantSetting | WantCommand | WantTake | PlayedHere


class OpenPage(Protocol):
    """A page in a browser."""

    client: str

    def show_setting(self, name: str, value: Any) -> None:
        """A setting has this value."""
        ...

    def show_view(self, view: View) -> None:
        """The core is like this."""
        ...

    def show_health(self, health: Health) -> None:
        """midi_io is like this."""
        ...

    def show_ports(self, ports: PortList) -> None:
        """These ports are there."""
        ...

    def show_line(self, line: str) -> None:
        """The user is told something."""
        ...

    def show_restarts(self, restarts: int) -> None:
        """So many processes were started anew."""
        ...

    def refuse(self, reason: str) -> None:
        """What this page wanted cannot be."""
        ...


class Hub:
    """Hands news to the pages, and what they want to the parent."""

    def __init__(
        self,
        setup: PageSetup,
        ask: Callable[[Request], None],
        broadcast: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Begin without pages.

        Args:
            setup: what is known at the start.
            ask: sends a request to the parent, without waiting.
            broadcast: sends a message to the roll of every page.
        """
        self.setup = setup
        self.values = dict(setup.values)
        self.restarts = 0
        self.view: View | None = None
        self.health: Health | None = None
        self.ports: PortList | None = None
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._ask = ask
        self._broadcast = broadcast
        self._picture = Picture()
        self._held = HeldKeys()
        self._pages: dict[str, OpenPage] = {}

    # -- pages ---------------------------------------------------------------

    def join(self, page: OpenPage) -> None:
        """Show news on a page from now on."""
        self._pages[page.client] = page

    def leave(self, client: str) -> None:
        """A page is gone for good."""
        self._pages.pop(client, None)
        self.let_go(client)

    def let_go(self, client: str) -> None:
        """Let go of what is held on a page: it cannot be reached."""
        released = self._held.leave(client)
        if released:
            self._ask(PlayedHere(tuple(released)))

    def whole_picture(self) -> dict[str, Any]:
        """Return the roll as it is, for a page that has yet to see it."""
        return {"now": time.perf_counter(), **self._picture.whole()}

    # -- what pages want ---------------------------------------------------------------

    def want_setting(self, client: str, name: str, value: Any) -> None:
        """A page wants a setting to have another value."""
        self._ask(WantSetting(client, name, value))

    def want_command(self, client: str, command: str) -> None:
        """A page wants a command to be obeyed."""
        self._ask(WantCommand(client, command))

    def want_take(self, client: str) -> None:
        """A page wants a new take."""
        self._ask(WantTake(client))

    def play(self, client: str, messages: list[bytes]) -> None:
        """Somebody plays on a page."""
        heard = int(self.values.get("midi.input_channel", 0))
        if heard:  # what is played here is for the channel that is listened to
            messages = [bytes([m[0] & 0xF0 | (heard - 1), *m[1:]]) for m in messages]
        passed = tuple(m for m in messages if self._held.take(client, m))
        if passed:
            self._ask(PlayedHere(passed))

    # -- news ---------------------------------------------------------------

    async def take(self, news: object) -> None:
        """Take news of the session's; those that a view shows as well are passed over."""
        if isinstance(news, View):
            self.view = news
            await self._broadcast({"now": time.perf_counter(), **self._picture.change(news)})
            self._show(lambda page: page.show_view(news))
        elif isinstance(news, Health):
            self.health = news
            await self._broadcast({"now": time.perf_counter()})
            self._show(lambda page: page.show_health(news))
        elif isinstance(news, PortList):
            self.ports = news
            self._show(lambda page: page.show_ports(news))
        elif isinstance(news, SettingChanged):
            if news.name == "midi.input_channel":  # their ends would go to the new channel
                for client in self._held.holders():
                    self.let_go(client)
            self.values[news.name] = news.value
            self._show(lambda page: page.show_setting(news.name, news.value))
        elif isinstance(news, Told):
            self.lines.append(news.line)
            self._show(lambda page: page.show_line(news.line))
        elif isinstance(news, Restarted):
            self.restarts = news.times
            self._show(lambda page: page.show_restarts(news.times))
        elif isinstance(news, Refused):
            page = self._pages.get(news.client)
            if page is not None:
                page.refuse(news.reason)

    def _show(self, call: Callable[[OpenPage], None]) -> None:
        for page in list(self._pages.values()):
            call(page)
