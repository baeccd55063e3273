"""What stood one and two bars ago: found, the same however events are divided, and nothing else."""

import numpy as np
import pytest
from rich.console import Console

from live.events import COLUMN, SHIFT, UNKNOWN, Note, encode_piece
from tests.exported import check_files
from tests.lessons import LESSON, SETTINGS
from training.checkpoint import BEST, read_told
from training.fit import fit
from training.lookback import BARS_AGO, HISTORY, extend, look_back, pack, state_rows, unpack
from training.network import EventLSTM, NetworkConfig
from training.start import read_start

BAR = 96
CONFIG = NetworkConfig(units=24, layers=2, embedding=12, head=10, dropout=0.0, lookback=True)
NOTE = ("shift", "pitch", "duration")


def piece(bars=4):
    """Bars of a melody in quarters over a bass in halves, each as long as it sounds."""
    notes = []
    for bar in range(bars):
        for beat in range(4):
            pitch = 72 + beat + (bar == 3)
            notes.append(Note(bar * BAR + beat * 24, pitch, 0, 24, None, beat * 24))
        for beat in (0, 2):
            notes.append(Note(bar * BAR + beat * 24, 48 + beat, 0, 48, None, beat * 24))
    return sorted(notes, key=lambda n: n.sort_key)


def told(events):
    """Return lookback inputs by bars ago, each (events, 4): same pitch, then the note."""
    rows, _ = extend(None, events[None])
    found = look_back(rows, len(events)).numpy()[0]
    return dict(zip(BARS_AGO, np.split(found, len(BARS_AGO), axis=-1), strict=True))


@pytest.mark.parametrize("bars", BARS_AGO)
def test_the_note_that_followed_there_is_found(bars):
    music, per_bar = piece(), 6
    events = encode_piece(music)
    back = told(events)[bars]
    for row in range(1, len(music)):
        if music[row - 1].onset_ticks < bars * BAR:
            assert not back[row].any()
            continue
        follower = events[row + 1 - bars * per_bar]
        assert back[row, 1:].tolist() == [follower[COLUMN[name]] for name in NOTE]
        same = music[row - 1].pitch == music[row - 1 - bars * per_bar].pitch
        assert back[row, 0] == 1 + same


def test_bars_are_as_long_as_they_were_and_four_beats_where_nothing_says():
    notes = [Note(24 * i, 60 + i % 3, 0, 24, None, 24 * (i % 3)) for i in range(12)]
    events = encode_piece(notes)
    np.testing.assert_array_equal(told(events)[1][5:12, 2], events[3:10, COLUMN["pitch"]])
    events[:, COLUMN["beat_in_bar"]] = UNKNOWN
    np.testing.assert_array_equal(told(events)[1][5:12, 2], events[2:9, COLUMN["pitch"]])
    assert set(told(events)[1][5:12, 1]) == {SHIFT.encode(24)}


def test_a_place_where_nothing_began_is_told_with_the_time_to_what_came_next():
    notes = [Note(0, 60, 0, 48, None, 0), Note(48, 62, 0, 48, None, 48)]
    notes += [Note(96 + 24, 64, 0, 24, None, 24)]
    back = told(encode_piece(notes))[1]
    assert back[3].tolist() == [1, SHIFT.encode(24), 63, 48]


def test_events_are_told_the_same_however_they_are_divided():
    events = encode_piece(piece(60))  # more than is kept
    assert len(events) > HISTORY
    whole = np.concatenate(list(told(events).values()), axis=-1)
    kept, parts = np.zeros((1, state_rows(24), 24), np.float32), []
    for part in np.array_split(events, [1, 2, 3, 60, 61, 300]):
        rows, latest = extend(unpack(kept), part[None])
        parts.append(look_back(rows, len(part)).numpy()[0])
        kept = pack(rows, latest, 24)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.fixture(scope="module")
def network():
    network = EventLSTM(CONFIG)
    network.build(None)
    return network


def test_the_file_keeps_what_it_heard_among_its_states(network, tmp_path):
    check_files(network, encode_piece(piece()), tmp_path, int8_difference=0.2)


def test_what_stood_there_changes_what_is_foreseen(network):
    events = encode_piece(piece())
    other = events.copy()
    other[5, COLUMN["pitch"]] += 1
    blind = NetworkConfig(**{**CONFIG.__dict__, "lookback": False, "layers": 1})
    for config, moved in ((CONFIG, True), (blind, False)):
        one = EventLSTM(config)
        one.build(None)
        for layer in one.lstms:  # which remember nothing
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
        first, second = (
            one({"events": e[None, :-1], "targets": events[None, 1:, :5]})["pitch"][0, 10].numpy()
            for e in (events, other)
        )
        assert (np.abs(first - second).max() > 1e-3) == moved


def test_a_run_with_lookback_goes_on_from_a_network_without(tmp_path):
    console = Console(quiet=True)
    first = fit(SETTINGS.model_copy(update={"epochs": 1}), LESSON, tmp_path / "first", console)
    start = read_start(tmp_path / "first")
    assert "lookback" not in read_told(tmp_path / "first" / BEST).identity["network"]
    larger = start.grown(lookback=True, attention=0, seed=1)
    settings = SETTINGS.model_copy(update={**larger.shape, "epochs": 1})
    second = fit(settings, LESSON, tmp_path / "second", console, start=larger.weights)
    assert second.network.config.lookback
    before = second.history[0]["held_out_sum"]  # judged before it is trained
    assert before == pytest.approx(first.bits["sum"], abs=1e-4)
    assert second.bits["sum"] < before
    assert read_start(tmp_path / "second").network.config.lookback
