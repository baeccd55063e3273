"""States along what was heard: whatever is gone back to, it is as if heard for the first time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from live.core.memory import NEAR, ROOMS, Memory
from live.events import FIELDS, PREDICTED
from live.prediction import Prediction

FREE = np.zeros(len(PREDICTED), np.int32)
NOTHING = np.zeros(1, np.float32)


class Sum:
    """A network whose states tell all that it heard, in order; it counts its events."""

    def __init__(self):
        self.runs = 0

    def zero_states(self):
        return np.zeros((1, 1))

    def run(self, events, states, **_):
        for event in events:
            states = states * 3 + event[0]
            states %= 1_000_003
        self.runs += len(events)
        return Prediction(FREE, np.zeros((len(events), 1), np.float32), states)


def rows_of(numbers):
    rows = np.zeros((len(numbers), len(FIELDS)), np.int32)
    rows[:, 0] = numbers
    return rows


def predicted(memory):
    return memory.predict(NOTHING, NOTHING, FREE, 1.0, 0.0).states.item()


def states_after(numbers):
    return Sum().run(rows_of(numbers), np.zeros((1, 1))).states.item()


@given(st.data())
def test_whatever_is_taken_back_states_are_those_of_what_stands(data):
    memory, heard = Memory(Sum()), []
    for _ in range(data.draw(st.integers(1, 12))):
        back = data.draw(st.integers(0, len(heard)))
        new = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=300))
        heard = [*heard[: len(heard) - back], *new]
        memory.read(rows_of(heard))
        assert predicted(memory) == states_after(heard)
        for number in data.draw(st.lists(st.integers(0, 9), max_size=200)):
            heard.append(number)
            memory.append(rows_of([number])[0])
            assert predicted(memory) == states_after(heard)


def test_states_are_few_and_those_of_late_are_at_hand():
    network = Sum()
    memory = Memory(network)
    rows = rows_of([count % 7 for count in range(1, 1000)])
    for row in rows:
        memory.append(row)
        predicted(memory)
    assert len(memory._states) < 3 * NEAR
    before = network.runs
    memory.read(rows[: 999 - NEAR // 2])
    predicted(memory)
    assert network.runs - before == 1
    before = network.runs
    memory.read(rows[:500])
    predicted(memory)
    assert network.runs - before <= 16


def test_room_is_made_once_for_a_seed_window_as_it_is_by_default():
    memory = Memory(Sum())
    for _ in range(3):
        memory.read(rows_of([0]))
        for count in range(1, 300):  # twice the window, and what is planned ahead
            memory.append(rows_of([count])[0])
            predicted(memory)
            assert len(memory._states) - 1 + len(memory._spare) == ROOMS


def test_room_is_made_for_longer_windows_too():
    memory = Memory(Sum())
    for count in range(2000):
        memory.append(rows_of([count % 9])[0])
        predicted(memory)
    assert len(memory._states) - 1 + len(memory._spare) == 3 * ROOMS
