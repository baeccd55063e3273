"""``[osc]`` of ``config.toml``."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from live.section import Section

LOOPBACK: Final = "127.0.0.1"


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    whole = port.isascii() and port.isdecimal() and 0 < int(port) < 65_536
    if text and not (host and len(text) <= 260 and whole):
        raise ValueError('should be a host and a port, such as "127.0.0.1:9001"')
    return text


class OscSettings(Section):
    """Open Sound Control, for other programs."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """UDP port to listen on; 0: there is no server."""
    host: Annotated[str, Field(min_length=1, max_length=253)] = LOOPBACK
    """Address to listen on."""
    feedback: Annotated[str, AfterValidator(_host_and_port)] = ""
    """``host:port`` to which changes are sent; "": nowhere."""
