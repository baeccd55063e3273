"""When another process is given up, and when it is only slow, or the observer was away."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from live.heartbeat import HUNG_S, STOPPED_S, Heartbeat


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(process.pid)
    process.kill()
    process.communicate()


STARTS_WITHIN_S = 30.0


def test_process_that_was_never_heard_is_still_starting_for_a_while(child):
    heartbeat = Heartbeat(child.pid, 10.0, STARTS_WITHIN_S)
    assert not heartbeat.is_lost(10.0 + STARTS_WITHIN_S - 0.1)
    assert heartbeat.is_lost(10.0 + STARTS_WITHIN_S + 0.1)
    heartbeat.pardon(500.0)
    assert not heartbeat.is_lost(500.0 + STARTS_WITHIN_S - 0.1)
    heartbeat.heard(600.0)
    assert heartbeat.is_lost(600.0 + HUNG_S + 0.1)


def test_slow_process_is_given_more_time_than_a_stopped_one(child):
    heartbeat = Heartbeat(child.pid, 0.0, STARTS_WITHIN_S)
    heartbeat.heard(10.0)
    assert not heartbeat.is_lost(10.0 + STOPPED_S + 0.1)
    assert heartbeat.is_lost(10.0 + HUNG_S + 0.1)
    heartbeat.heard(20.0)
    assert not heartbeat.is_lost(20.5)


@pytest.mark.skipif(sys.platform != "linux", reason="only there it shows")
def test_stopped_process_is_known_as_such(child):
    heartbeat = Heartbeat(child.pid, 0.0, STARTS_WITHIN_S)
    heartbeat.heard(10.0)
    child.suspend()
    deadline = time.monotonic() + 20
    while child.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not heartbeat.is_lost(10.0 + STOPPED_S - 0.1)
    assert heartbeat.is_lost(10.0 + STOPPED_S + 0.1)
    child.resume()


def test_observer_who_was_away_himself_begins_anew(child):
    heartbeat = Heartbeat(child.pid, 0.0, STARTS_WITHIN_S)
    heartbeat.heard(10.0)
    heartbeat.pardon(500.0)
    assert not heartbeat.is_lost(501.0)
    assert heartbeat.is_lost(500.0 + HUNG_S + 0.1)
