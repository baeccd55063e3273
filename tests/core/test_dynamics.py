"""How loud the model plays, on a simulated clock."""

from __future__ import annotations

import pytest

from tests.core.room import FlatNetwork, Room, Sure

LOUD = Sure(velocity=(118,), confidence=20)
"""Would play very loud whatever it hears."""
ACCENTED = Sure(velocity=(70, 66, 58), confidence=20)
"""Knows dynamics, and expects accents in a moderate passage."""


def answered(network=None, velocity=80, **settings):
    room = Room(network or FlatNetwork(), mode="continue", **settings)
    room.play(*[room.note(i, 0.9, 60 + i, velocity) for i in range(8)], until=40)
    assert len(room.model) > 10
    return [note.velocity for note in room.model]


def test_where_the_network_knows_nothing_of_dynamics_the_players_are_followed():
    assert set(answered(velocity=37)) == {37}
    assert set(answered(velocity=112)) == {112}


def test_the_latest_notes_count():
    room = Room(mode="duet")
    room.play(*[room.note(i / 2, 0.4, 60 + i % 5, 30) for i in range(40)])
    soft = [n.velocity for n in room.model]
    room.play(*[room.note(20 + i / 2, 0.4, 60 + i % 5, 110) for i in range(40)])
    loud = [n.velocity for n in room.model if n.onset_s > 30 * room.beat]
    assert set(soft) == {30}
    assert set(loud) == {110}


def test_what_the_network_knows_shades_the_players_dynamics():
    assert set(answered(ACCENTED, velocity=60)) == {70, 66, 58}
    assert set(answered(ACCENTED, velocity=74)) == {70, 66}  # 58 is not near any more
    assert set(answered(ACCENTED, velocity=110)) == {110}  # and none is


@pytest.mark.parametrize(("velocity", "heard"), [("model", 118), ("player", 60)])
def test_either_may_decide_alone(velocity, heard):
    room = Room(LOUD, mode="continue", velocity=velocity)
    room.play(*[room.note(i, 0.9, 60 + i, 60) for i in range(8)], until=40)
    assert {n.velocity for n in room.model} == {heard}


def test_range_and_curve_bend_the_players_dynamics():
    full = answered(velocity=64)
    soft = answered(velocity=64, velocity_curve=2.0)
    hard = answered(velocity=64, velocity_curve=0.5)
    assert soft[0] < full[0] < hard[0]
    assert answered(velocity=127, velocity_curve=3.0)[0] == 127
    assert answered(velocity=1, velocity_curve=0.3)[0] == 1
    # The player's whole range is spread over the model's.
    narrow = {"lowest_velocity": 40, "highest_velocity": 60}
    assert answered(velocity=1, **narrow)[0] == 40
    assert answered(velocity=64, **narrow)[0] == 50
    assert answered(velocity=127, **narrow)[0] == 60


def test_range_bounds_what_the_network_draws():
    everything = Sure(velocity=range(2, 128, 4), confidence=0.0)
    room = Room(everything, mode="continue", velocity="model")
    room.play(room.note(0, 0.9, 60, 60), until=60)
    assert max(n.velocity for n in room.model) > 100
    room = Room(
        everything, mode="continue", velocity="model", lowest_velocity=50, highest_velocity=70
    )
    room.play(room.note(0, 0.9, 60, 60), until=60)
    assert {n.velocity for n in room.model} <= set(range(50, 71))
    assert len({n.velocity for n in room.model}) > 2


def test_one_velocity_for_all_may_be_asked_for():
    for network in (FlatNetwork(), LOUD):
        played = answered(network, velocity=20, lowest_velocity=81, highest_velocity=81)
        assert set(played) == {81}


def test_a_range_upside_down_is_refused():
    room = Room()
    (said,) = room.core.change(0.0, lowest_velocity=90, highest_velocity=60)
    assert "lowest_velocity" in said.line
    assert room.core.settings.lowest_velocity == 1
