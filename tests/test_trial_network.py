"""What networks on trial are told beside the events: derived from what was heard, and right."""

import numpy as np
import pytest

from live.events import COLUMN, PITCH, SHIFT, UNKNOWN, Note, encode_piece

BAR = 96


@pytest.fixture(scope="module")
def trial():
    from training.runtime import load_tensorflow

    load_tensorflow()
    from benchmarks import trial_network

    return trial_network


@pytest.fixture(scope="module")
def music():
    """Four bars of melody in quarters over a bass in halves, the last bar another."""
    notes = []
    for bar in range(4):
        for beat in range(4):
            pitch = 72 + beat + (bar == 3)
            notes.append(Note(bar * BAR + beat * 24, pitch, 0, 24, None, beat * 24))
        for beat in (0, 2):
            notes.append(Note(bar * BAR + beat * 24, 48 + beat, 0, 48, None, beat * 24))
    return sorted(notes, key=lambda n: n.sort_key)


def test_what_sounds_is_what_began_and_has_not_ended(trial, music):
    heard = trial.sounding(encode_piece(music)[None]).numpy()[0]
    for row, note in enumerate(music, start=1):
        expected = {
            n.pitch
            for n in music[:row]
            if n.onset_ticks + n.duration_ticks > note.onset_ticks >= n.onset_ticks
        }
        assert {PITCH.decode(int(token)) for token in np.flatnonzero(heard[row])} == expected


def test_recent_pitch_classes_fade_by_half_in_sixteen_notes(trial):
    events = encode_piece(
        [*(Note(24 * i, 62) for i in range(1)), *(Note(24 * i, 60) for i in range(1, 17))]
    )
    classes = trial.recent_pitch_classes(events[None]).numpy()[0]
    np.testing.assert_allclose(classes[1, 2], 4.0)
    np.testing.assert_allclose(
        classes[17, 2] / classes[17].sum(), 0.5 / sum(2 ** (-k / 16) for k in range(17)), rtol=1e-5
    )


@pytest.mark.parametrize("bars", [1, 2])
def test_looking_back_finds_the_note_that_followed_there(trial, music, bars):
    events = encode_piece(music)
    back = trial.look_back(events[None], bars).numpy()[0]
    per_bar = 6
    for row in range(1, len(music)):
        if music[row - 1].onset_ticks < bars * BAR:
            assert not back[row].any()
            continue
        follower = events[row + 1 - bars * per_bar]
        for name in ("shift", "pitch", "duration"):
            assert back[row, COLUMN[name]] == follower[COLUMN[name]]
        same = music[row - 1].pitch == music[row - 1 - bars * per_bar].pitch
        assert back[row, COLUMN["instrument"]] == 1 + same


def test_bars_of_another_length_are_looked_back_over(trial):
    notes = [Note(24 * i, 60 + i % 3, 0, 24, None, 24 * (i % 3)) for i in range(12)]
    events = encode_piece(notes)
    back = trial.look_back(events[None], 1).numpy()[0]
    np.testing.assert_array_equal(back[5:12, COLUMN["pitch"]], events[3:10, COLUMN["pitch"]])
    events[:, COLUMN["beat_in_bar"]] = UNKNOWN  # four beats, where nothing says otherwise
    back = trial.look_back(events[None], 1).numpy()[0]
    np.testing.assert_array_equal(back[5:12, COLUMN["pitch"]], events[2:9, COLUMN["pitch"]])
    assert set(back[5:12, COLUMN["shift"]]) == {SHIFT.encode(24)}


@pytest.mark.parametrize(
    "extra", ["lookback", "sounding notes", "recent pitch classes", "attention"]
)
def test_what_comes_later_changes_nothing(trial, music, extra):
    from training.network import NetworkConfig

    network = trial.TrialNetwork(NetworkConfig(8, 1, 8, 8, 0.0), frozenset({extra}))
    network.build(None)
    events = encode_piece(music)[None]
    targets = events[..., :5]
    cut = 9
    changed = events.copy()
    changed[:, cut:, COLUMN["pitch"]] = 1
    one, other = (
        network({"events": e[:, :-1], "targets": targets[:, 1:]})["pitch"].numpy()
        for e in (events, changed)
    )
    np.testing.assert_allclose(one[:, :cut], other[:, :cut], atol=1e-6)
    assert np.abs(one[:, cut] - other[:, cut]).max() > 1e-4
