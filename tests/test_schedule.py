"""The queue of deadlines: soonest first, ends before onsets, nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from live.messages import PlayNote
from live.midi_io.ledger import NoteLedger
from live.midi_io.schedule import Schedule


def note(onset_s, release_s, pitch=60):
    return PlayNote(onset_s, release_s, 0, pitch, 80)


def ends(due):
    return [(d.deadline_s, d.note.pitch, d.is_onset) for d in due]


notes = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(60, 62)).map(
    lambda n: note(n[0] / 8, (n[0] + n[1]) / 8, n[2])
)


def test_nothing_is_due_before_its_time():
    schedule = Schedule()
    schedule.add(note(1.0, 2.0))
    assert schedule.next_deadline_s() == 1.0
    assert schedule.due(0.999) == []
    assert ends(schedule.due(1.0)) == [(1.0, 60, True)]
    assert schedule.next_deadline_s() == 2.0
    assert ends(schedule.due(5.0)) == [(2.0, 60, False)]
    assert schedule.next_deadline_s() is None


def test_empty_schedule_has_no_deadline():
    assert Schedule().next_deadline_s() is None
    assert Schedule().due(1e9) == []


def test_end_comes_before_the_onset_at_the_same_moment():
    schedule = Schedule()
    schedule.add(note(1.0, 2.0, 62))
    schedule.add(note(0.0, 1.0, 60))
    assert ends(schedule.due(1.0)) == [(0.0, 60, True), (1.0, 60, False), (1.0, 62, True)]


def test_chord_is_sent_in_the_order_in_which_it_was_handed_over():
    schedule = Schedule()
    for pitch in (64, 60, 67):
        schedule.add(note(1.0, 2.0, pitch))
    assert [d.note.pitch for d in schedule.due(1.0)] == [64, 60, 67]


def test_both_ends_of_a_note_carry_its_number():
    schedule = Schedule()
    schedule.add(note(0.0, 3.0, 60))
    schedule.add(note(1.0, 2.0, 61))
    numbers: dict[int, set[int]] = {}
    for due in schedule.due(9.0):
        numbers.setdefault(due.note.pitch, set()).add(due.number)
    assert [len(n) for n in numbers.values()] == [1, 1]
    assert numbers[60] != numbers[61]


def test_number_is_never_used_again_after_clearing():
    schedule = Schedule()
    schedule.add(note(0.0, 1.0))
    first = schedule.due(9.0)[0].number
    schedule.add(note(0.0, 1.0))
    schedule.clear()
    assert schedule.next_deadline_s() is None
    assert schedule.due(9.0) == []
    schedule.add(note(0.0, 1.0))
    assert schedule.due(9.0)[0].number > first


@given(st.lists(notes, max_size=30), st.lists(st.integers(0, 70), max_size=10))
def test_every_end_comes_out_once_in_order_however_late_one_asks(added, moments):
    schedule = Schedule()
    for each in added:
        schedule.add(each)
    out = []
    for moment in [*sorted(m / 8 for m in moments), 1e9]:
        batch = schedule.due(moment)
        assert all(d.deadline_s <= moment for d in batch)
        out += batch
    assert [d.deadline_s for d in out] == sorted(d.deadline_s for d in out)
    wanted = sorted((n.onset_s, True) for n in added) + sorted((n.release_s, False) for n in added)
    assert sorted((d.deadline_s, d.is_onset) for d in out) == sorted(wanted)


@given(st.lists(notes, max_size=30))
def test_through_the_ledger_nothing_sounds_when_all_is_done(added):
    schedule, ledger = Schedule(), NoteLedger()
    for each in added:
        schedule.add(each)
    for due in schedule.due(1e9):
        key = (due.note.channel, due.note.pitch)
        if due.is_onset:
            ledger.strike(due.number, key, due.note.velocity)
        else:
            ledger.release(due.number, key)
    assert ledger.sounding == set()
