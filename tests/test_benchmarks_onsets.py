"""The comparison with the tutorial's network counts every bit once."""

import numpy as np
import pytest

from benchmarks.onsets import by_one_pianist, cost, likeliest, onsets, token
from live.events import COLUMN, DRUMS, DURATION, END, INSTRUMENT, PITCH, SHIFT, Note, encode_piece
from live.model import Model
from tests.models import write_model
from training.pieces import Piece

NOTES = [
    Note(24 * beat, pitch, program, 12, 64, 24 * beat % 96)
    for beat, chord in enumerate([(60,), (60, 64, 67), (48, 72), (62,), (50, 57, 65, 69)])
    for pitch, program in zip(chord, (0, 40, 0, 0), strict=False)
]
PIECE = Piece("chords", "nowhere", (*NOTES, Note(24, 36, DRUMS, 12, 64, 24)))


def probabilities(field, **shares):
    """A field's distribution: these tokens by number, the rest alike."""
    p = np.full(field.size, (1 - sum(shares.values())) / field.size)
    for number, share in shares.items():
        p[int(number[1:])] += share
    return p


KNOWN = {
    "instrument": probabilities(INSTRUMENT, **{f"t{INSTRUMENT.encode(0)}": 0.7, f"t{END}": 0.1}),
    "shift": probabilities(SHIFT, **{f"t{SHIFT.encode(0)}": 0.5, f"t{SHIFT.encode(24)}": 0.3}),
    "pitch": probabilities(PITCH, **{f"t{PITCH.encode(67)}": 0.5, f"t{PITCH.encode(60)}": 0.3}),
    "duration": probabilities(DURATION, **{f"t{DURATION.encode(12)}": 0.6}),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model(write_model(tmp_path_factory.mktemp("model") / "known.onnx", KNOWN))


def test_onsets_cost_what_their_notes_cost_but_for_what_is_given(model):
    groups = onsets(by_one_pianist(PIECE))
    rows = encode_piece(n for group in groups for n in group)
    row, bits = 2, 0.0  # the first onset is no other moment than START's
    for group in groups[1:]:
        before, mine = rows[row - 1 : row], rows[row : row + len(group)]
        bits += sum(cost(model, model.zero_states(), before, mine))
        row += len(group)
    assert row == len(rows) - 1
    of_notes = sum(
        -np.log2(p[token]) for name, p in KNOWN.items() for token in rows[2:-1, COLUMN[name]]
    )
    joins = KNOWN["instrument"][INSTRUMENT.encode(0)] * KNOWN["shift"][SHIFT.encode(0)]
    not_the_end = 1 - KNOWN["instrument"][END] / (1 - joins)
    assert bits == pytest.approx(of_notes + (len(groups) - 1) * np.log2(not_the_end), rel=1e-5)


def test_likeliest_onset_is_spelled_from_the_lowest_note_up(model):
    heard = encode_piece(NOTES)[1:2]
    # It would go on with another 67 at once, which is no lower note than the first: the chord ends.
    assert likeliest(model, model.zero_states(), heard) == (67,)


def test_onset_is_one_token_as_in_the_tutorial():
    assert token([60]) == "C4"
    assert token([67, 60, 64]) == "0.4.7"
    assert token([52, 60, 67, 72]) == "0.4.7"


def test_piece_is_one_pianists():
    groups = onsets(by_one_pianist(PIECE))
    assert [n.pitch for n in groups[1]] == [60, 64, 67]  # without the drum
    assert {n.instrument for group in groups for n in group} == {0}
