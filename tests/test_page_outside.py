"""A page that other machines can reach: who gets in, and by which address; the browser it opens."""

from __future__ import annotations

import re
import sys
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from live.journal import read_lines
from tests.browser import Performance, Tab, chromium
from tests.jack import wait_for

pytestmark = pytest.mark.browser

STUB = """\
import pathlib, sys
pathlib.Path({opened!r}).write_text(sys.argv[1])
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Return the file that says what the browser of this machine was opened on."""
    return tmp_path_factory.mktemp("stub") / "opened"


@pytest.fixture(scope="module")
def performance(tmp_path_factory, opened):
    stub = opened.with_name("browser.py")
    stub.write_text(STUB.format(opened=str(opened)))
    one = Performance(
        tmp_path_factory.mktemp("outside") / "sessions",
        *("--host", "0.0.0.0", "--open"),
        environment={"BROWSER": f"{sys.executable} {stub} %s", "DISPLAY": ":none"},
    )
    yield one
    one.close()


@pytest.fixture(scope="module")
def outer(performance):
    """Return the address that others reach the page by, with its token."""
    own, *others = re.search(r"page: (.*)", performance.output)[1].split("  or  ")
    assert urlsplit(own).hostname == "127.0.0.1"
    return (others or [own])[0]  # a machine without a network has no other


def bare(address):
    return f"http://{urlsplit(address).netloc}/"


def test_without_the_token_nobody_gets_in(outer):
    for address in (bare(outer), f"{bare(outer)}?token=wrong", f"{bare(outer)}stage.css"):
        with pytest.raises(HTTPError) as caught:
            urlopen(address)
        assert caught.value.code == 403
    socket = bare(outer).replace("http", "ws") + "_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with pytest.raises(InvalidStatus) as refused:
        connect(socket, origin=bare(outer).rstrip("/"))
    assert refused.value.response.status_code == 403


def test_a_tablet_gets_in_with_the_printed_address_and_plays(performance, outer):
    with chromium() as browser:
        tab = Tab.open(browser, outer, width=1180, height=820, has_touch=True)
        assert tab.page.url == bare(outer)  # the token does not stay in sight
        tab.page.tap('.key[data-pitch="60"]')
        tab.wait_for(lambda: tab.notes("player") == 1, "the note on the roll")
        tab.page.reload()
        tab.page.wait_for_selector(".piano .key")  # by its cookie
        assert tab.complaints == []
        assert tab.hosts == {urlsplit(outer).netloc}
        tab.close()
    played = [line.message for line in read_lines(performance.journal) if line.kind == "in"]
    assert [(m[0], m[1]) for m in played] == [(0x90, 60), (0x80, 60)]


def test_the_browser_of_this_machine_is_opened_on_an_address_that_works(performance, opened):
    wait_for(opened.exists, "the browser", 60)
    wait_for(lambda: opened.read_text().endswith(token(performance)), "the address")
    assert urlsplit(opened.read_text()).hostname == "127.0.0.1"
    with build_opener(HTTPCookieProcessor()).open(opened.read_text()) as answer:
        assert answer.url == bare(opened.read_text())
        assert "Continuo" in answer.read().decode()


def token(performance):
    return re.search(r"token=\S+", performance.output)[0]
