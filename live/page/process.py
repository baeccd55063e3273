"""The page's process: a web server of its own, at a lower priority than the music."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from nicegui import core, ui

from live.messages import Stop
from live.outbox import Outbox
from live.page.guard import Guard
from live.page.hub import Hub
from live.page.layout import serve_pages
from live.page.messages import CannotServe, PageSetup, Serving
from live.page.settings import PageSettings
from live.page.take_files import serve_takes

NICENESS: Final = 5
PORTS_TRIED: Final = 10
MOST_MESSAGE_BYTES: Final = 65_536
"""Of what a browser sends."""
MOST_CONNECTIONS: Final = 300


class _Server(uvicorn.Server):
    """Ends when the parent is gone; signals are the parent's to take."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def run(settings: PageSettings, setup: PageSetup, parent: Connection) -> None:
    """Be the page's process: serve until the parent says stop, or is gone."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        listener = _bind(settings)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        parent.send(CannotServe(f"no page: cannot serve it on {where}: {error.strerror}"))
        return
    port = listener.getsockname()[1]
    token = None if settings.is_private else settings.token or secrets.token_urlsafe(12)
    names = frozenset() if settings.is_private else _names_of_this_machine(settings.host)
    hub = Hub(setup, Outbox(parent).put, _broadcast)
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    serve_takes(application, setup.sessions)
    serve_pages(hub)
    ui.run_with(
        application,
        title="Continuo",
        dark=True,
        language="en-US",
        tailwind=False,
        reconnect_timeout=15.0,
        binding_refresh_interval=None,
        show_welcome_message=False,
        favicon="🎹",
    )
    server = _Server(
        uvicorn.Config(
            Guard(application, names, token, port),
            log_level="error",
            ws_max_size=MOST_MESSAGE_BYTES,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
    )
    asyncio.run(_serve(server, listener, hub, parent, _addresses(settings.host, port, token)))


async def _serve(
    server: _Server,
    listener: socket.socket,
    hub: Hub,
    parent: Connection,
    addresses: tuple[str, ...],
) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        # One at a time: what the pages cannot take waits at the parent, where the latest view
        # replaces the one before.
        with suppress(EOFError, OSError, RuntimeError):
            parent.send(Serving(addresses))
            while not isinstance(news := parent.recv(), Stop):
                try:
                    asyncio.run_coroutine_threadsafe(hub.take(news), loop).result()
                except Exception:  # what one page makes of it must not end it for the others
                    logging.exception("the page failed to show something")
        server.should_exit = True

    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    threading.Thread(target=read, name="news", daemon=True).start()
    await serving


async def _broadcast(message: dict[str, Any]) -> None:
    """Send to the roll of every page: encoded once, whatever their number."""
    await core.sio.emit("stage", message)


def _bind(settings: PageSettings) -> socket.socket:
    """Return a listening socket on the first port that is free.

    Raises:
        OSError: there is none, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in range(settings.port, settings.port + PORTS_TRIED):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, port if settings.port else 0))
            listener.listen(128)
        except OSError as error:
            listener.close()
            last = error
            continue
        return listener
    raise last


def _names_of_this_machine(host: str) -> frozenset[str]:
    own = socket.gethostname().lower()
    return frozenset({host.lower(), own, f"{own.partition('.')[0]}.local"})


def _addresses(host: str, port: int, token: str | None) -> tuple[str, ...]:
    """Return where to find the page, as a browser wants it."""
    if token is None:
        return (f"http://{_spelled(host)}:{port}/",)
    everywhere = host in ("0.0.0.0", "::")
    hosts = ["127.0.0.1", *_outer_addresses()] if everywhere else [host]
    return tuple(f"http://{_spelled(each)}:{port}/?token={token}" for each in hosts)


def _spelled(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _outer_addresses() -> list[str]:
    """Return the address that others on the network reach this machine by, if there is one."""
    with (
        suppress(OSError),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
    ):
        probe.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses a way
        return [str(probe.getsockname()[0])]
    return []
