"""The page beside real ports: devices that come and go, knobs, other programs."""

from __future__ import annotations

import socket

import pytest
import rtmidi
from pythonosc.udp_client import SimpleUDPClient

from live.journal import read_lines
from live.settings import LIVE
from tests.browser import Tab, chromium, free_port
from tests.conftest import Performer
from tests.jack_device import Device
from tests.page_controls import change, control, shown

pytestmark = [pytest.mark.browser, pytest.mark.jack]

AT_ONCE_S = 5.0
"""Wide: the machine may be busy."""
MODEL, ELSEWHERE = 1, 4
"""Channels, counted from 0."""
KNOB = 21


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def osc():
    return SimpleUDPClient("127.0.0.1", free_udp_port())


@pytest.fixture(scope="module")
def session(jack_server, tmp_path_factory, osc):
    folder = tmp_path_factory.mktemp("jack-page")
    config = folder / "config.toml"
    config.write_text(f'[controls]\nsampling.temperature = "cc {KNOB}: 0.5 to 1.5"\n')
    one = Performer(
        *("--page", "--port", str(free_port()), "--config", str(config), "--virtual"),
        *("--set", f"osc.port={osc._port}", "--mode", "continue", "--seed", "7", "--bpm", "200"),
        *("--output-channel", str(MODEL + 1)),
        folder=folder / "sessions",
    )
    one.wait_ready()
    yield one
    one.close()


@pytest.fixture(scope="module")
def tab(session):
    with chromium() as browser:
        one = Tab.open(browser, session.page_address())
        yield one
        assert one.complaints == []
        one.close()


@pytest.fixture(scope="module")
def keyboard(session):
    one = Device(rtmidi.MidiOut, "stage-keyboard")
    yield one
    one.pull_out()


@pytest.fixture(scope="module")
def synth(session):
    one = Device(rtmidi.MidiIn, "stage-synth")
    yield one
    one.pull_out()


def listed(tab, name):
    """Open the list of a setting; return what stands in it, as it changes."""
    control(tab, name).locator(".q-select").click()
    options = tab.page.locator(".q-menu .q-item")
    options.first.wait_for()
    return options


def choose(tab, options, text):
    tab.wait_for(lambda: text in options.all_inner_texts(), f"{text} in the list")
    options.nth(options.all_inner_texts().index(text)).click()
    options.first.wait_for(state="hidden")


def strikes(keyboard, pitch):
    """Strike a key once more: it may have been struck before the way was open."""
    keyboard.send(0x80, pitch, 0)
    keyboard.send(0x90, pitch, 80)
    return True


def channels(synth, since):
    return {data[0] & 0x0F for data in list(synth.heard)[since:] if data[0] & 0xF0 == 0x90}


def left_sounding(session):
    """Return (channel, pitch) of the notes of the model's that were sent and not ended."""
    (journal,) = session.folder.glob("*.jsonl")
    down = set()
    for line in read_lines(journal):
        if line.kind == "out" and line.message[0] & 0xE0 == 0x80:
            change = down.add if line.message[0] & 0xF0 == 0x90 else down.discard
            change((line.message[0] & 0x0F, line.message[1]))
    return down


def test_devices_that_are_plugged_in_while_it_plays_are_listed_chosen_and_played_on(
    session, tab, request
):
    tab.page.click(".command-your-turn")
    tab.page.wait_for_selector(".turn-model")
    outputs = listed(tab, "midi.output")
    assert "stage-synth:midi" not in outputs.all_inner_texts()
    synth = request.getfixturevalue("synth")  # is plugged in here
    choose(tab, outputs, "stage-synth:midi")
    tab.wait_for(lambda: channels(synth, 0) == {MODEL}, "the model's notes at the synth")
    inputs = listed(tab, "midi.input")
    assert "stage-keyboard:midi" not in inputs.all_inner_texts()
    keyboard = request.getfixturevalue("keyboard")
    choose(tab, inputs, "stage-keyboard:midi")
    tab.page.wait_for_selector(".cell.good:has-text('stage-keyboard')")
    struck = len(synth.heard)
    tab.wait_for(lambda: strikes(keyboard, 60) and 0 in channels(synth, struck), "thru")
    tab.wait_for(lambda: left_sounding(session) == set(), "the end of the model's notes")
    keyboard.send(0x80, 60, 0)
    tab.wait_for(lambda: (0, 60) not in synth.sounding(), "its end")
    keyboard.pull_out()
    tab.page.wait_for_selector(".cell.bad:has-text('stage-keyboard')")
    keyboard.plug_in()
    tab.page.wait_for_selector(".cell.good:has-text('stage-keyboard')")


def test_a_device_that_is_pulled_out_leaves_the_list(session, tab):
    other = Device(rtmidi.MidiOut, "other-keyboard")
    inputs = listed(tab, "midi.input")
    tab.wait_for(lambda: "other-keyboard:midi" in inputs.all_inner_texts(), "the device")
    other.pull_out()
    tab.wait_for(lambda: "other-keyboard:midi" not in inputs.all_inner_texts(), "its going")
    tab.page.keyboard.press("Escape")
    inputs.first.wait_for(state="hidden")


def test_a_knob_moves_the_slider_of_the_page_at_once(tab, keyboard, synth):
    slider = control(tab, "sampling.temperature").locator("[type=range]")
    before = int(slider.input_value())
    for value in range(0, 128, 8):  # past the value that holds, as a hand turns it
        keyboard.send(0xB0, KNOB, value)
    keyboard.send(0xB0, KNOB, 127)
    tab.wait_for(lambda: shown(tab, "sampling.temperature") == "1.5", "the value", AT_ONCE_S)
    assert int(slider.input_value()) > before
    assert not [data for data in synth.heard if data[:2] == bytes([0xB0, KNOB])]  # it is no music


def test_another_program_moves_what_the_page_shows_at_once(tab, osc, synth):
    osc.send_message("/time/bpm", 180.0)
    tab.wait_for(lambda: shown(tab, "time.bpm") == "180", "the tempo", AT_ONCE_S)
    tab.wait_for(lambda: tab.page.inner_text(".tempo-value") == "180", "the tempo", AT_ONCE_S)
    osc.send_message("/turns/handover", "bar")
    tab.wait_for(lambda: shown(tab, "turns.handover") == "bar", "the choice", AT_ONCE_S)
    osc.send_message("/midi/thru", False)
    tab.wait_for(lambda: shown(tab, "midi.thru") == "false", "the switch", AT_ONCE_S)
    osc.send_message("/midi/thru", True)


def test_channels_are_changed_on_the_page_while_the_model_plays(session, tab, synth):
    setting = LIVE.find("instruments.channels")
    tab.page.click(".command-your-turn")
    tab.page.wait_for_selector(".turn-model")
    since = len(synth.heard)
    tab.wait_for(lambda: channels(synth, since) == {MODEL}, "a note on its channel")
    change(tab, setting, "", back_to=f"0={ELSEWHERE + 1}")
    spelled = f"0 = {ELSEWHERE + 1}"
    tab.wait_for(lambda: shown(tab, setting.name) == spelled, "the table as it is spelled")
    tab.wait_for(lambda: ELSEWHERE in channels(synth, since), "the other channel")
    tab.wait_for(lambda: {c for c, _ in left_sounding(session)} == {ELSEWHERE}, "that one alone")
    change(tab, setting, spelled, back_to="piano = 1")
    tab.page.wait_for_selector("text=instruments.channels = 'piano = 1'; it must be as")
    tab.wait_for(lambda: shown(tab, setting.name) == spelled, "the table that holds")
    since = len(synth.heard)
    tab.wait_for(lambda: channels(synth, since) == {ELSEWHERE}, "and still there")
    tab.page.click(".command-my-turn")
    tab.wait_for(lambda: left_sounding(session) == set(), "silence")
