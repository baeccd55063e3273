"""Ctrl-C where it must not come in between, and where an exception would be lost."""

from __future__ import annotations

import os
import signal

import pytest

from live.signals import signals_ignored, signals_noted


class Dying:
    """Is interrupted in its finalizer, out of which no exception comes."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)
        for _ in range(1000):  # the handler runs here, and not after it
            pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noted_wherever_it_comes(number):
    before = signal.getsignal(number)
    with signals_noted() as ended:
        assert not ended.poll()
        one = Dying(number)
        del one
        assert ended.poll(10)
    assert signal.getsignal(number) is before


def test_an_ignored_signal_is_neither_raised_nor_noted():
    with signals_noted() as ended:
        with signals_ignored():
            os.kill(os.getpid(), signal.SIGINT)
        assert not ended.poll(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        assert ended.poll(10)
