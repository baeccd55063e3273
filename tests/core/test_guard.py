"""The guard against loops, alone and on a simulated clock."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from live.core.guard import ALLOWED_NOTES, Repetition, excess, heated
from live.events import COLUMN, DURATION, PITCH, SHIFT
from live.prediction import FIELD_SLICE, TOKEN_COUNT
from tests.core.room import FlatNetwork, Room


def line(pitches, shifts=None):
    repetition = Repetition()
    for i, pitch in enumerate(pitches):
        repetition.add(pitch, shifts[i] if shifts else 12)
    return repetition


NOTHING = Repetition()


@pytest.mark.parametrize("period", [1, 2, 3, 8, 16, 32])
def test_a_block_that_comes_a_third_time_is_a_repetition(period):
    block = [40 + 11 * i % 37 for i in range(period)]
    assert len(set(block)) == period
    twice = line(block * 2)
    assert twice.lengths[-1] == 0
    thrice = line([20, *block * 3])
    assert thrice.lengths[-1] == 2 * period  # the first time is no repetition
    # It is told before the third time is complete, and not in the second.
    begun = line([20, *block * 2, *block[: (period + 3) // 4]])
    assert begun.lengths[-1] == period + (period + 3) // 4
    longer = line([20, *block * 4])
    assert longer.lengths[-1] == 3 * period
    assert line([20, *block * 4, 21]).lengths[-1] == 0


def test_the_same_pitches_in_another_rhythm_are_no_repetition():
    chance = random.Random(1)
    pitches = [60, 62, 64, 65] * 10
    assert line(pitches, [chance.choice([6, 12, 24]) for _ in pitches]).lengths[-1] == 0
    assert line(pitches, [12 + chance.choice([-1, 0, 1]) for _ in pitches]).lengths[-1] > 30


def test_one_note_again_and_again_is_a_repetition_in_any_rhythm():
    chance = random.Random(1)
    shifts = [chance.choice([3, 6, 12, 24, 48]) for _ in range(30)]
    assert line([60] * 30, shifts).lengths[-1] == 29
    assert excess(line([60] * 30, shifts), NOTHING) > 10
    assert excess(line([60] * 30, shifts), line([64] * 30, shifts)) == 0
    # A few others between do not end it, and more do.
    assert line([*[60] * 30, 62, *[60] * 10]).lengths[-1] > 25
    assert line([*[60] * 30, *range(70, 80)]).lengths[-1] == 0


def test_music_that_does_not_repeat_itself_is_left_alone():
    chance = random.Random(2)
    assert excess(line([chance.randint(40, 80) for _ in range(400)]), NOTHING) == 0


def test_what_is_taken_back_is_forgotten():
    once = line([60, 62, 64] * 9)
    again = line([60, 62, 64] * 9 + [1, 2, 3, 4])
    again.drop(4)
    assert again.lengths == once.lengths
    again.add(60, 12)
    once.add(60, 12)
    assert again.lengths == once.lengths
    again.drop(1000)
    assert again.lengths == []


def test_the_player_may_repeat_and_the_model_with_him():
    pattern = [60, 64, 67, 64]
    model = line(pattern * 8)
    assert excess(model, NOTHING) > 0
    assert excess(model, line(pattern * 9)) == 0
    assert excess(line(pattern * 12), line(pattern * 6)) > 0


def test_each_note_of_a_loop_heats_more_and_the_loop_passes():
    notes = [60, 62, 64, 65] * 8
    heats = [excess(line(notes[:n]), NOTHING) for n in range(len(notes))]
    assert heats[ALLOWED_NOTES] == 0
    assert max(heats) == heats[-1] > 4
    cooled = line([*notes, *range(70, 76)])
    assert excess(cooled, NOTHING) == 0
    temperature, min_p = heated(1.0, 0.05, 10)
    assert temperature > 2
    assert min_p < 0.01
    assert heated(0.8, 0.05, 0) == (0.8, 0.05)


class Looping(FlatNetwork):
    """Is sure that a scale of six notes comes again and again, but for one chance in a hundred."""

    SCALE = (60, 62, 64, 65, 67, 69)

    def logits(self, last_event):
        pitch = PITCH.decode(int(last_event[COLUMN["pitch"]]))
        after = self.SCALE.index(pitch) + 1 if pitch in self.SCALE else 0
        logits = np.zeros(TOKEN_COUNT, dtype=np.float32)
        sure = 9.5  # of 128 pitches, 99%
        logits[FIELD_SLICE["pitch"].start + PITCH.encode(self.SCALE[after % 6])] = sure
        logits[FIELD_SLICE["shift"].start + SHIFT.encode(12)] = 2 * sure
        logits[FIELD_SLICE["duration"].start + DURATION.encode(12)] = 2 * sure
        return logits


def longest_loop(room):
    return max(line([n.pitch for n in room.model]).lengths)


def continued(pattern, **settings):
    room = Room(Looping(), mode="continue", min_p=0.05, **settings)
    room.play(*[room.note(i / 2, 0.45, pitch) for i, pitch in enumerate(pattern)], until=200)
    return room


def test_a_loop_is_noticed_broken_and_counted():
    left_alone = continued([48, 50, 53, 49], loop_guard=False)
    guarded = continued([48, 50, 53, 49])
    assert longest_loop(left_alone) > 90
    assert longest_loop(guarded) < 40
    assert left_alone.core.counters["loops"] == 0
    assert guarded.core.counters["loops"] > 2
    assert dict(guarded.core.view(guarded.now).counters)["loops"] == guarded.core.counters["loops"]
    # It heats where it loops and only there: most of the music is still the network's.
    steps = list(pairwise(guarded.model))
    sure = sum(
        n.pitch in Looping.SCALE
        and m.pitch == Looping.SCALE[(Looping.SCALE.index(n.pitch) + 1) % 6]
        for n, m in steps
    )
    assert sure / len(steps) > 0.5


def test_who_plays_a_loop_is_answered_with_one():
    patient = continued(Looping.SCALE * 8)
    assert longest_loop(patient) >= 40


def test_the_guard_acts_alike_however_often_the_core_is_asked():
    once = continued([48, 50, 53, 49])
    room = Room(Looping(), mode="continue", min_p=0.05)
    pattern = [room.note(i / 2, 0.45, pitch) for i, pitch in enumerate([48, 50, 53, 49])]
    room.play(*pattern)
    while room.now < 200 * room.beat:
        room.pass_until(room.now + 0.05)
        room._take(room.core.advance(room.now))
    assert [n.pitch for n in room.model][:300] == [n.pitch for n in once.model][:300]
