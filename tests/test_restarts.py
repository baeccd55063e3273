"""A process that ends by itself is started again, but not for ever."""

from __future__ import annotations

from live.restarts import Restarts


def test_three_in_any_minute_are_allowed_and_those_refused_count_as_asked():
    restarts = Restarts()
    assert [restarts.allow(at_s) for at_s in (0, 1, 2, 3)] == [True, True, True, False]
    assert not restarts.allow(59)
    assert [restarts.allow(at_s) for at_s in (62.5, 63.5, 64.5)] == [True, True, False]
    assert restarts.count == 5


def test_what_was_long_ago_is_still_counted_as_a_restart():
    restarts = Restarts()
    assert restarts.allow(0)
    assert restarts.allow(1000)
    assert restarts.count == 2
