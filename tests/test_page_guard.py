"""Who may speak to the page, asked without a browser."""

from __future__ import annotations

from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live.page import guard
from live.page.guard import Guard
from live.page.settings import is_loopback

PORT = 8600
HOME = f"http://127.0.0.1:{PORT}"


async def answer(_):
    return PlainTextResponse("here")


async def echo(socket):
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await socket.receive_text())


def client(token=None, names=frozenset(), base_url=HOME):
    routes = [Route("/", answer), Route("/other", answer), WebSocketRoute("/_nicegui_ws/x", echo)]
    guarded = Guard(Starlette(routes=routes), frozenset(names), token, PORT)
    return TestClient(guarded, base_url=base_url, follow_redirects=False)


def test_the_machine_itself_is_served_and_told_to_trust_nobody_else():
    got = client().get("/")
    assert got.status_code == 200
    assert "frame-ancestors 'none'" in got.headers["content-security-policy"]
    assert "http:" not in got.headers["content-security-policy"]
    assert got.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost:8600", "[::1]:8600", "LOCALHOST"])
def test_names_of_the_machine_itself_are_served(host):
    assert client().get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8600", "127.0.0.1.evil.example", "192.168.1.9:8600", ""]
)
def test_another_name_that_points_here_is_refused(host):
    assert client().get("/", headers={"host": host}).status_code == 421
    with pytest.raises(WebSocketDisconnect):
        client().websocket_connect(
            "/_nicegui_ws/x", headers={"host": host, "origin": f"http://{host}"}
        ).__enter__()


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1", "file://"]
)
def test_other_sites_are_refused(origin):
    assert client().get("/other", headers={"origin": origin}).status_code == 403
    with pytest.raises(WebSocketDisconnect) as caught:
        client().websocket_connect("/_nicegui_ws/x", headers={"origin": origin}).__enter__()
    assert caught.value.code == guard.POLICY_VIOLATION


def test_a_websocket_without_an_origin_is_refused_and_its_own_is_served():
    with pytest.raises(WebSocketDisconnect):
        client().websocket_connect("/_nicegui_ws/x").__enter__()
    headers = {"origin": HOME, "host": f"127.0.0.1:{PORT}"}
    with client().websocket_connect("/_nicegui_ws/x", headers=headers) as socket:
        socket.send_text("a")
        assert socket.receive_text() == "a"


def test_only_reading_is_possible_by_http_and_sockets_are_no_polling():
    for method in ("post", "put", "delete", "patch", "options"):
        assert getattr(client(), method)("/other").status_code == 405
    assert client().get("/_nicegui_ws/x").status_code == 403


def test_a_flood_of_messages_ends_the_connection(monkeypatch):
    monkeypatch.setattr(guard, "MESSAGE_BURST", 20.0)
    monkeypatch.setattr(guard, "MESSAGES_PER_S", 0.001)
    headers = {"origin": HOME, "host": f"127.0.0.1:{PORT}"}
    with client().websocket_connect("/_nicegui_ws/x", headers=headers) as socket:
        for _ in range(20):
            socket.send_text("a")
            assert socket.receive_text() == "a"
        socket.send_text("a")
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_text()
        assert caught.value.code == guard.POLICY_VIOLATION


def test_too_many_pages_and_too_many_sockets_are_put_off(monkeypatch):
    monkeypatch.setattr(guard, "PAGE_BURST", 5.0)
    monkeypatch.setattr(guard, "PAGES_PER_S", 0.001)
    monkeypatch.setattr(guard, "MOST_SOCKETS", 1)
    one = client()
    assert [one.get("/").status_code for _ in range(6)] == [200] * 5 + [429]
    assert one.get("/other").status_code == 200
    headers = {"origin": HOME, "host": f"127.0.0.1:{PORT}"}
    with one.websocket_connect("/_nicegui_ws/x", headers=headers):
        with pytest.raises(WebSocketDisconnect) as caught:
            one.websocket_connect("/_nicegui_ws/x", headers=headers).__enter__()
        assert caught.value.code == guard.TRY_LATER


OUTSIDE = "http://192.168.1.9:8600"


def test_from_outside_the_token_is_asked_for_once_and_then_kept_in_a_cookie():
    one = client("secret", {"stage.local"}, OUTSIDE)
    headers = {"origin": OUTSIDE}
    assert one.get("/").status_code == 403
    assert one.get("/?token=wrong").status_code == 403
    with pytest.raises(WebSocketDisconnect):
        one.websocket_connect("/_nicegui_ws/x?token=secret", headers=headers).__enter__()
    welcomed = one.get("/?token=secret")
    assert welcomed.status_code == 303
    assert welcomed.headers["location"] == "/"
    cookie = welcomed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert one.get("/").status_code == 200
    assert one.get("/other").status_code == 200
    assert one.get("/", headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("host", ["192.168.1.9:8600", "stage.local:8600", "[fe80::1]:8600"])
def test_addresses_in_numbers_and_own_names_are_served_outside(host):
    one = client("secret", {"stage.local"}, OUTSIDE)
    assert one.get("/?token=secret", headers={"host": host}).status_code == 303


def test_loopback_is_recognised():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.9", "example.org", "", "::")))
