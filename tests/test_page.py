"""The stage page in a real browser: played on, steered, and looked at."""

from __future__ import annotations

import pytest

from live.journal import read_lines
from tests.browser import Performance, Tab, chromium

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def performance(tmp_path_factory, browser):
    one = Performance(tmp_path_factory.mktemp("page") / "sessions", "--bpm", "200")
    yield one
    one.close()


@pytest.fixture(scope="module")
def tab(browser, performance):
    """The page that most tests look at; nothing may ever be wrong in it."""
    one = Tab.open(browser, performance.address)
    yield one
    assert one.complaints == []
    assert one.hosts == {f"127.0.0.1:{performance.port}"}
    one.close()


def lines(performance, kind):
    return [line for line in read_lines(performance.journal) if line.kind == kind]


def play(tab, *codes, seconds=0.08):
    for code in codes:
        tab.page.keyboard.down(code)
        tab.page.wait_for_timeout(1000 * seconds)
        tab.page.keyboard.up(code)


def test_keys_of_the_computer_are_answered_seen_and_recorded(tab, performance):
    play(tab, "KeyA", "KeyD", "KeyG", "KeyK", seconds=0.15)
    tab.wait_for(lambda: tab.notes("player") == 4, "the notes on the roll")
    tab.wait_for(lambda: "Model plays" in tab.page.inner_text(".turn"), "the model's turn")
    tab.wait_for(lambda: tab.notes("model") > 0, "the answer on the roll")
    tab.wait_for(lambda: bool(lines(performance, "out")), "the answer in the recording")
    heard = [line.message[:2] for line in lines(performance, "in") if line.message[0] == 0x90]
    assert heard == [bytes([0x90, p]) for p in (60, 64, 67, 72)]

    def blue(colour):
        return colour[2] > 200 > 120 > colour[0]

    def amber(colour):
        return colour[0] > 180 and 90 < colour[1] < 215 and colour[2] < 120

    seen = tab.colours(0.1, 0.1, 0.6, 0.9)
    assert any(map(blue, seen))
    assert any(map(amber, seen))
    tab.wait_for(lambda: "Your turn" in tab.page.inner_text(".turn"), "the player's turn")
