"""Who may speak to the page: requests are looked at here before anything else sees them.

- Host: the name that a browser was told must be this machine's, or another site whose name was
  made to point here (DNS rebinding) could steer the session.
- Origin: what a page of another site sends is refused, WebSockets included.
- Token: where other machines can reach the page, the address has to contain it once; then a cookie
  does.
- Only reading by HTTP; everything else comes through the WebSocket, whose messages are limited in
  size (by the server) and number.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from live.page.settings import is_loopback

MOST_SOCKETS: Final = 64
MESSAGES_PER_S: Final = 300.0
MESSAGE_BURST: Final = 900.0
PAGES_PER_S: Final = 3.0
PAGE_BURST: Final = 40.0
SOCKET_PATH: Final = "/_nicegui_ws/"
POLICY_VIOLATION: Final = 1008
TRY_LATER: Final = 1013

_HEADERS: Final = (
    (
        b"content-security-policy",
        # NiceGUI's page has scripts in it and makes functions of text.
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        b"font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # the address may contain the token
    (b"cross-origin-resource-policy", b"same-origin"),
)
_OWN_HEADERS: Final = ((b"cross-origin-opener-policy", b"same-origin"),)
"""Under a name of loopback only: elsewhere browsers ignore it without HTTPS, and complain."""


@dataclass
class Allowance:
    """So many at once, and so many a second from then on."""

    per_s: float
    burst: float
    _left: float = field(init=False)
    _at_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at_s = self.burst, time.monotonic()

    def take(self) -> bool:
        """Return whether one more is allowed now."""
        now_s = time.monotonic()
        self._left = min(self.burst, self._left + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, names: frozenset[str], token: str | None, port: int) -> None:
        """Guard an application.

        Args:
            app: what is guarded.
            names: by which this machine may be called, lower case; none: by those of the
                machine itself (loopback) only. Addresses in numbers are no names.
            token: what other machines have to know; None: only this machine can reach the page.
            port: on which the page is served.
        """
        self.app = app
        self._names = names
        self._token = token
        self._cookie = f"continuo_{port}"  # cookies do not tell ports apart
        self._sockets = 0
        self._pages = Allowance(PAGES_PER_S, PAGE_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused is None and self._token is not None and not self._knows(headers, self._token):
            if scope["type"] == "http" and self._given(scope, self._token):
                await self._welcome(self._token)(scope, receive, send)
                return
            refused = PlainTextResponse("The address lacks the token that was printed.", 403)
        if scope["type"] == "websocket":
            await self._serve_socket(refused is None, scope, receive, send)
        elif refused is not None:
            await refused(scope, receive, send)
        else:
            own = _OWN_HEADERS if is_loopback(_name(headers.get("host", ""))) else ()
            await self.app(scope, receive, _with_headers(send, (*_HEADERS, *own)))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_here(host):
            return PlainTextResponse("This is not a name of this machine.", 421)
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return PlainTextResponse("Another site may not use this page.", 403)
        if scope["type"] == "websocket":
            return None if origin is not None else PlainTextResponse("No origin.", 403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Only reading is possible.", 405)
        if scope["path"].startswith(SOCKET_PATH):
            return PlainTextResponse("Only WebSockets are served here.", 403)
        if scope["path"] == "/" and not self._pages.take():
            return PlainTextResponse("Too many at once.", 429, {"retry-after": "2"})
        return None

    def _is_here(self, host: str) -> bool:
        name = _name(host)
        if is_loopback(name):
            return True
        if not self._names:
            return False
        try:
            ipaddress.ip_address(name)  # nobody can make an address in numbers point elsewhere
        except ValueError:
            return name in self._names
        return True

    def _knows(self, headers: Headers, token: str) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self._cookie in cookies and _same(cookies[self._cookie].value, token)

    def _given(self, scope: Scope, token: str) -> bool:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        return _same(query.get("token", ""), token)

    def _welcome(self, token: str) -> Response:
        """Keep the token in a cookie and take it out of the address."""
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, token, httponly=True, samesite="strict")
        return answer

    async def _serve_socket(
        self, allowed: bool, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not allowed or self._sockets >= MOST_SOCKETS:
            await receive()
            code = TRY_LATER if allowed else POLICY_VIOLATION
            await send({"type": "websocket.close", "code": code})
            return
        allowance = Allowance(MESSAGES_PER_S, MESSAGE_BURST)
        closed = False

        async def limited() -> MutableMapping[str, Any]:
            nonlocal closed
            message = await receive()
            if message["type"] != "websocket.receive" or allowance.take():
                return message
            closed = True
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

        async def open_only(message: MutableMapping[str, Any]) -> None:
            if not closed:
                await send(message)

        self._sockets += 1
        try:
            await self.app(scope, limited, open_only)
        finally:
            self._sockets -= 1


def _name(host: str) -> str:
    """Return the name in a Host header, without the port."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name.strip("[]").lower()


def _with_headers(send: Send, headers: tuple[tuple[bytes, bytes], ...]) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return sending


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())
