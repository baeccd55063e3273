"""What the page's process makes of news and of what pages want, without a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import get_args

import pytest

from live.core.settings import PerformerSettings
from live.core.view import View
from live.messages import Health, PortList, TurnChanged
from live.page.hub import Hub
from live.page.messages import PageSetup, PlayedHere, Refused, WantCommand, WantSetting, WantTake
from live.watching import News, Restarted, SettingChanged, Told

VIEW = View(
    time_s=1.0,
    turn="player",
    mode="call",
    bpm=120.0,
    clock="internal",
    running=True,
    beat_time_s=0.0,
    beat=0.0,
    downbeat=0.0,
    beats_per_bar=4,
    settings=PerformerSettings(),
    notes=(),
    counters=(),
)
HEALTH = Health(1.0, "keys", "synth", True, False, True, 0, 0.0, 1.0, 0)
NEWS = {
    View: VIEW,
    Health: HEALTH,
    PortList: PortList(("keys",), ("synth",), ()),
    Told: Told("a line"),
    SettingChanged: SettingChanged("time.bpm", 99.0),
    Restarted: Restarted(2),
    TurnChanged: TurnChanged(1.0, "model", 0),
}


class OnePage:
    """Notes what it is shown."""

    def __init__(self, client):
        self.client = client
        self.shown = []

    def __getattr__(self, name):
        return lambda *what: self.shown.append((name, *what))


@pytest.fixture
def asked():
    return []


@pytest.fixture
def broadcasts():
    return []


@pytest.fixture
def hub(asked, broadcasts):
    async def broadcast(message):
        broadcasts.append(message)

    setup = PageSetup({"time.bpm": 120.0}, Path("sessions"))
    return Hub(setup, asked.append, broadcast)


def tell(hub, *news):
    async def all_of_it():
        for each in news:
            await hub.take(each)

    asyncio.run(all_of_it())


def test_every_kind_of_news_is_taken(hub, broadcasts):
    assert set(NEWS) == set(get_args(News))
    page = OnePage("a")
    hub.join(page)
    tell(hub, *NEWS.values())
    assert page.shown == [
        ("show_view", VIEW),
        ("show_health", HEALTH),
        ("show_ports", NEWS[PortList]),
        ("show_line", "a line"),
        ("show_setting", "time.bpm", 99.0),
        ("show_restarts", 2),
    ]
    assert hub.values["time.bpm"] == 99.0
    assert all(message["now"] > 0 for message in broadcasts)
    assert [message.get("number") for message in broadcasts] == [1, None]


def test_what_a_page_wants_goes_to_the_parent_and_a_refusal_only_back_to_it(hub, asked):
    one, other = OnePage("a"), OnePage("b")
    hub.join(one)
    hub.join(other)
    hub.want_setting("a", "time.bpm", 5)
    hub.want_command("a", "panic")
    hub.want_take("b")
    assert asked == [WantSetting("a", "time.bpm", 5), WantCommand("a", "panic"), WantTake("b")]
    tell(hub, Refused("a", "no"), Refused("gone", "no"))
    assert one.shown == [("refuse", "no")]
    assert other.shown == []


def test_a_key_that_two_pages_hold_is_up_when_both_have_left(hub, asked):
    for client in "ab":
        hub.join(OnePage(client))
        hub.play(client, [b"\x90\x3c\x50"])
    hub.leave("a")
    assert asked == [PlayedHere((b"\x90\x3c\x50",))] * 2
    hub.leave("b")
    assert asked[2:] == [PlayedHere((b"\x80\x3c\x00",))]
    hub.leave("b")
    assert len(asked) == 3


def test_what_is_played_goes_to_the_channel_that_is_listened_to(hub, asked):
    tell(hub, SettingChanged("midi.input_channel", 5))
    hub.play("a", [b"\x90\x3c\x50", b"\xb2\x40\x7f", b"\xc0\x05"])
    assert asked == [PlayedHere((b"\x94\x3c\x50", b"\xb4\x40\x7f", b"\xc4\x05"))]


def test_keys_that_are_down_when_another_channel_is_listened_to_are_let_go_of(hub, asked):
    hub.play("a", [b"\x90\x3c\x50", b"\xb0\x40\x7f"])
    hub.play("b", [b"\x90\x3c\x50", b"\x90\x3e\x50"])
    asked.clear()
    tell(hub, SettingChanged("midi.input_channel", 5))
    let_go = [message for each in asked for message in each.messages]
    assert sorted(let_go) == [b"\x80\x3c\x00", b"\x80\x3e\x00", b"\xb0\x40\x00"]
