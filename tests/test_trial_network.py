"""What networks on trial are told beside the events: derived from what was heard, and right."""

import numpy as np
import pytest

from live.events import COLUMN, PITCH, Note, encode_piece

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


@pytest.mark.parametrize("extra", ["sounding notes", "recent pitch classes"])
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
