"""The parent's side of the page: starts its process, tells it the news, does what it asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from live import processes
from live.child import start_process
from live.errors import UserError
from live.messages import Stop
from live.outbox import Outbox
from live.page.held_keys import HeldKeys
from live.page.messages import (
    CannotServe,
    PageSetup,
    PlayedHere,
    Refused,
    Serving,
    WantCommand,
    WantSetting,
    WantTake,
)
from live.page.settings import PageSettings
from live.restarts import Restarts
from live.session import Session
from live.watching import News, SettingChanged, Told

HOW_TO_GET_IT: Final = "no page: pip install 'continuo[page]' gets what serves it"
STOP_TIMEOUT_S: Final = 3.0
LEAVE_TIMEOUT_S: Final = 1.0
"""A process whose pipe is closed may take so long to tidy up."""
READING: Final = "page"


def can_be_served() -> bool:
    """Return whether the extra ``page`` is installed."""
    return find_spec("nicegui") is not None


class PageLink:
    """Keeps a page going beside a session; whatever becomes of it, the session goes on."""

    def __init__(
        self,
        settings: PageSettings,
        session: Session,
        folder: Path,
        tell: Callable[[str], None],
        open_browser: Callable[[str], None] | None = None,
    ) -> None:
        """Start the process; its address is told when it is there.

        Args:
            settings: where it is served.
            session: what it shows and steers.
            folder: of the recordings.
            tell: for lines to the user.
            open_browser: is called once with the address, on another thread.
        """
        self._settings = settings
        self._session = session
        self._folder = folder
        self._tell = tell
        self._open_browser = open_browser
        self._closing = False
        self._restarts = Restarts()
        self._process: BaseProcess | None = None
        self._outbox: Outbox | None = None
        self._held = HeldKeys()
        self._end_watching: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._keep_going, name=READING, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the process."""
        self._closing = True
        process, outbox = self._process, self._outbox
        if outbox is not None:
            outbox.put(Stop())  # not at once: one that hangs takes nothing any more
        self._thread.join(STOP_TIMEOUT_S)
        if process is not None and process.is_alive():
            process.kill()

    def _watch(self, news: News) -> None:
        outbox = self._outbox
        if outbox is None:
            return
        if isinstance(news, SettingChanged):
            outbox.put(news, key=news.name)
        elif isinstance(news, Told):
            outbox.put(news)
        else:
            outbox.put(news, key=type(news).__name__)

    # -- the thread -----------------------------------------------------------------------------

    def _keep_going(self) -> None:
        while not self._closing and self._live_once():
            if not self._restarts.allow(time.perf_counter()):
                self._tell("the page has ended by itself too often; the session goes on without it")
                return
            self._tell("the page has ended by itself; starting it again")

    def _live_once(self) -> bool:
        """Start the process and do what it asks for; return whether to start another."""
        pipe = self._start()
        try:
            return self._serve(pipe)
        finally:
            self._end(pipe)

    def _start(self) -> Connection:
        setup = PageSetup(self._session.values(), self._folder)
        self._process, ours = start_process(
            "page", processes.page, self._settings, setup, daemon=True
        )
        self._outbox = Outbox(ours)
        self._end_watching = self._session.watch(self._watch)
        for name, value in self._session.values().items():
            if value != setup.values[name]:  # it was changed meanwhile
                self._watch(SettingChanged(name, value))
        return ours

    def _end(self, pipe: Connection) -> None:
        assert self._process is not None
        assert self._outbox is not None
        self._end_watching()
        outbox, self._outbox = self._outbox, None
        outbox.close()
        self._process.join(LEAVE_TIMEOUT_S)
        self._process.kill()
        self._process.join()
        outbox.join()
        pipe.close()
        for message in self._held.leave(READING):  # keys that were down on a page that is gone
            self._session.play(message)

    def _serve(self, pipe: Connection) -> bool:
        """Do what the page asks for until it is gone; return whether to start another."""
        while True:
            try:
                request = pipe.recv()
            except (EOFError, OSError):
                return not self._closing
            if isinstance(request, CannotServe):
                self._tell(request.reason)
                return False
            if isinstance(request, Serving):
                self._announce(request.addresses)
            elif isinstance(request, PlayedHere):
                for message in request.messages:
                    self._held.take(READING, message)
                self._session.play(b"".join(request.messages))
            else:
                self._try(request)

    def _announce(self, addresses: tuple[str, ...]) -> None:
        if self._restarts.count:
            self._tell("the page is back")
            return
        self._tell("page: " + "  or  ".join(addresses))
        if self._open_browser is not None:
            self._open_browser(addresses[0])

    def _try(self, request: object) -> None:
        client = getattr(request, "client", "")
        try:
            if isinstance(request, WantSetting):
                self._session.change(request.name, request.value)
            elif isinstance(request, WantCommand):
                self._session.do(request.command)
            elif isinstance(request, WantTake):
                self._session.new_take()
        except UserError as error:
            outbox = self._outbox
            if outbox is not None:
                outbox.put(Refused(client, str(error)))


def open_browser(address: str) -> None:
    """Open a browser on an address, where there is a screen for it."""
    import os
    import sys
    import webbrowser

    has_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_screen:
        with suppress(webbrowser.Error):
            webbrowser.open(address)
