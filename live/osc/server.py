"""The OSC server: a thread of the parent that hears one UDP socket.

What comes is bounded: a datagram's length, messages a second, lines that tell of what is wrong. All
of it is worked off on the one thread, and nothing of the music waits for it. Times of bundles are
passed over: a bundle is obeyed when it comes.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pythonosc.osc_message import OscMessage
from pythonosc.osc_packet import OscPacket

from live.errors import UserError
from live.live_settings import LiveSettings
from live.osc.settings import LOOPBACK, OscSettings
from live.osc.words import Steered, obey

MAX_BYTES: Final = 4096
"""Of a datagram; a longer one is refused."""
MESSAGES_PER_S: Final = 1000
"""More than this, over a second, are dropped."""
COMPLAINT_INTERVAL_S: Final = 1.0
"""What is wrong is told no more often."""


class OscServer:
    """Hears one port until it is closed."""

    def __init__(
        self,
        settings: OscSettings,
        session: Steered,
        live: LiveSettings,
        tell: Callable[[str], None],
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to listen.

        Args:
            settings: where; a port of 0 lets the system choose one.
            session: what is steered.
            live: the settings that there are.
            tell: takes a line for the user, from the server's thread.
            refresh: sends every setting to where feedback goes.

        Raises:
            UserError: the address is none of this machine's, or the port is taken.
        """
        self._session = session
        self._live = live
        self._tell = tell
        self._refresh = refresh
        self._allowance = float(MESSAGES_PER_S)
        self._counted_s = time.monotonic()
        self._complained_s = -COMPLAINT_INTERVAL_S
        self._closing = False
        where = f"{settings.host}:{settings.port}"
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                settings.host, settings.port, type=socket.SOCK_DGRAM
            )[0]
            self._socket = socket.socket(family, kind)
        except OSError as error:
            raise UserError(f"OSC cannot listen on {where}: {error.strerror}") from error
        try:
            self._socket.bind(address)
        except OSError as error:
            self._socket.close()
            raise UserError(
                f"OSC cannot listen on {where}: {error.strerror}; name another in [osc]"
            ) from error
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        """Where it listens."""
        self._thread = threading.Thread(target=self._run, name="osc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; nothing is obeyed after this."""
        self._closing = True
        with suppress(OSError):  # a datagram of its own wakes the thread, on every system
            host = LOOPBACK if self.address[0] == "0.0.0.0" else self.address[0]
            self._socket.sendto(b"", (host, self.address[1]))
        self._thread.join(1.0)
        self._socket.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                data = self._socket.recv(MAX_BYTES + 1)
            except ConnectionError:  # Windows: a client that is gone
                continue
            except OSError:
                return
            if data and not self._closing:
                try:
                    self._take(data)
                except UserError as error:
                    self._complain(str(error))

    def _take(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise UserError(f"OSC: a datagram of more than {MAX_BYTES} bytes is not taken")
        for message in _messages(data):
            if not self._allow():
                raise UserError(
                    f"OSC: more than {MESSAGES_PER_S} messages a second; some are dropped"
                )
            try:
                obey(self._session, self._live, self._refresh, message.address, message.params)
            except UserError as error:
                self._complain(str(error))

    def _allow(self) -> bool:
        """Whether one more message may be taken now."""
        now_s = time.monotonic()
        gained = (now_s - self._counted_s) * MESSAGES_PER_S
        self._allowance = min(self._allowance + gained, MESSAGES_PER_S)
        self._counted_s = now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _complain(self, line: str) -> None:
        now_s = time.monotonic()
        if now_s >= self._complained_s + COMPLAINT_INTERVAL_S:
            self._complained_s = now_s
            self._tell(line)


def _messages(data: bytes) -> list[OscMessage]:
    try:
        return [timed.message for timed in OscPacket(data).messages]
    except Exception as error:  # not all that it trips over is its ParseError
        raise UserError("OSC: a datagram that is no OSC") from error
