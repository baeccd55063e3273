"""The note ledger: what a synth hears is always balanced, whoever holds which key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from live.midi_io.ledger import PLAYER, NoteLedger, note_off, note_on

KEY = (0, 60)
OTHER = (1, 60)


class Synth:
    """Counts what it is sent; a key struck twice, or released twice, is an error."""

    def __init__(self):
        self.sounding: set[tuple[int, int]] = set()

    def hear(self, messages):
        for message in messages:
            key = (message[0] & 0x0F, message[1])
            if message[0] & 0xF0 == 0x90:
                assert message[2] > 0
                assert key not in self.sounding, f"{key} was struck while it sounds"
                self.sounding.add(key)
            else:
                assert message[0] & 0xF0 == 0x80
                assert key in self.sounding, f"{key} was released while it does not sound"
                self.sounding.remove(key)


keys = st.tuples(st.integers(0, 1), st.integers(60, 62))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("player strikes"), keys),
        st.tuples(st.just("player releases"), keys),
        st.tuples(st.just("model strikes"), keys),
        st.tuples(st.just("model releases"), st.integers(0, 3)),
        st.tuples(st.just("model is ended"), st.none()),
    ),
    max_size=60,
)


def perform(ledger, synth, steps):
    """Carry out operations; return who holds each key, as a plain model of the rules."""
    held: dict[tuple[int, int], set[int]] = {}
    note_of: dict[int, tuple[int, int]] = {}
    for what, subject in steps:
        if what.endswith("strikes"):
            owner = PLAYER
            if what == "model strikes":
                owner = len(note_of) + 1
                note_of[owner] = subject
            synth.hear(ledger.strike(owner, subject, 80))
            held[subject] = {o for o in held.get(subject, set()) if o == PLAYER} | {owner}
        elif what == "player releases":
            synth.hear(ledger.release(PLAYER, subject))
            held.get(subject, set()).discard(PLAYER)
        elif what == "model releases":
            number = len(note_of) - subject  # one of the latest, or one that never was
            key = note_of.get(number, KEY)
            synth.hear(ledger.release(max(number, 1), key))
            held.get(key, set()).discard(max(number, 1))
        else:
            synth.hear(ledger.release_model())
            held = {key: owners & {PLAYER} for key, owners in held.items()}
        assert synth.sounding == {key for key, owners in held.items() if owners}
        assert ledger.sounding == synth.sounding
    return held


@given(operations)
def test_synth_hears_balanced_notes_in_any_order_of_events(steps):
    ledger, synth = NoteLedger(), Synth()
    perform(ledger, synth, steps)
    synth.hear(ledger.release_everything())
    assert synth.sounding == set()
    assert ledger.sounding == set()
    assert ledger.release_everything() == []


@given(operations)
def test_ending_the_model_leaves_the_players_keys_alone(steps):
    ledger, synth = NoteLedger(), Synth()
    held = perform(ledger, synth, steps)
    players = {key for key, owners in held.items() if PLAYER in owners}
    synth.hear(ledger.release_model())
    assert synth.sounding == players
    for key in players:
        synth.hear(ledger.release(PLAYER, key))
    assert synth.sounding == set()


def test_players_hold_survives_the_models_release():
    ledger = NoteLedger()
    assert ledger.strike(PLAYER, KEY, 70) == [note_on(KEY, 70)]
    assert ledger.strike(1, KEY, 80) == [note_off(KEY), note_on(KEY, 80)]
    assert ledger.release(1, KEY) == []
    assert ledger.release(PLAYER, KEY) == [note_off(KEY)]


def test_models_hold_survives_the_players_release():
    ledger = NoteLedger()
    ledger.strike(PLAYER, KEY, 70)
    ledger.strike(1, KEY, 80)
    assert ledger.release(PLAYER, KEY) == []
    assert ledger.sounding == {KEY}
    assert ledger.release(1, KEY) == [note_off(KEY)]


def test_late_release_of_a_replaced_note_does_not_end_the_new_one():
    ledger = NoteLedger()
    ledger.strike(1, KEY, 80)
    assert ledger.strike(2, KEY, 81) == [note_off(KEY), note_on(KEY, 81)]
    assert ledger.release(1, KEY) == []
    assert ledger.release(2, KEY) == [note_off(KEY)]


def test_new_note_of_a_key_ends_it_though_the_replaced_one_was_longer():
    ledger = NoteLedger()
    ledger.strike(1, KEY, 80)
    ledger.strike(2, KEY, 81)
    assert ledger.model_notes == {KEY: 2}
    assert ledger.release(2, KEY) == [note_off(KEY)]
    assert ledger.release(1, KEY) == []


def test_players_strike_takes_over_a_key_of_the_models():
    ledger = NoteLedger()
    ledger.strike(1, KEY, 80)
    assert ledger.strike(PLAYER, KEY, 70) == [note_off(KEY), note_on(KEY, 70)]
    assert ledger.release_model() == []
    assert ledger.release(PLAYER, KEY) == [note_off(KEY)]


def test_release_of_what_was_never_struck_says_nothing():
    ledger = NoteLedger()
    assert ledger.release(PLAYER, KEY) == []
    ledger.strike(PLAYER, KEY, 70)
    assert ledger.release(PLAYER, OTHER) == []
    assert ledger.release(1, KEY) == []
    assert ledger.sounding == {KEY}


def test_same_key_of_another_channel_is_another_key():
    ledger = NoteLedger()
    ledger.strike(PLAYER, KEY, 70)
    assert ledger.strike(1, OTHER, 80) == [note_on(OTHER, 80)]
    assert ledger.release_model() == [note_off(OTHER)]
    assert ledger.sounding == {KEY}
