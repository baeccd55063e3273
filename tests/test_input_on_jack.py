"""What comes in is read whole, whatever else Python does meanwhile."""

from __future__ import annotations

import threading
import time

import pytest
import rtmidi

from tests import jack

pytestmark = pytest.mark.jack

AT_ONCE = 8
BURSTS = 60


@pytest.fixture
def wire(jack_server):
    """Return a function that sends, and the list of what an input port of ours has heard."""
    heard: list[bytes] = []
    sender = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="sender")
    sender.open_virtual_port("out")
    port = jack.listen("listener", "in", lambda data: heard.append(bytes(data)))
    jack.connect("sender:out", "listener:in")
    yield sender.send_message, heard
    port.close()
    sender.close_port()
    sender.delete()


@pytest.fixture
def lock_holder():
    """Hold Python's lock for many periods of JACK's, again and again."""
    over = threading.Event()

    def work():
        while not over.is_set():
            pow(3, 1_000_000)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def test_what_comes_in_one_period_is_read_whole_though_pythons_lock_is_taken(wire, lock_holder):
    send, heard = wire
    sent = []
    for number in range(BURSTS):
        for place in range(AT_ONCE):
            message = bytes([0x90, (number * AT_ONCE + place) % 128, number % 127 + 1])
            send(message)
            sent.append(message)
        time.sleep(0.001)
    jack.wait_for(lambda: len(heard) >= len(sent), "all of it", 60)
    assert heard == sent
