"""What the OSC server is told once, before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class OscSettings:
    """``[osc]`` of ``config.toml``."""

    port: int = 0
    """UDP port to listen on; 0: there is no server."""
    host: str = LOOPBACK
    """Address to listen on."""
    feedback: str = ""
    """``host:port`` to which changes are sent; "": nowhere."""
