"""Where the page is served."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class PageSettings:
    """Settings of the page; the session goes on without one if it cannot be served."""

    show: bool = True
    open: bool = False
    """Whether a browser is opened on it."""
    host: str = LOOPBACK
    port: int = 8600
    """The first port that is tried."""
    token: str = ""
    """What the address must contain where others can reach it; "": a new one each time."""

    @property
    def is_private(self) -> bool:
        """Return whether only programs of this machine can reach the page."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is that of the machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
