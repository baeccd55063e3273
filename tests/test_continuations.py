"""Free continuations and their measures, on music whose answers are known."""

import numpy as np
import pytest

from live.errors import UserError
from live.events import (
    COLUMN,
    DRUMS,
    END,
    FIELDS,
    INSTRUMENT,
    PITCH,
    SHIFT,
    UNKNOWN,
    VELOCITY,
    Note,
    decode,
    encode,
    encode_piece,
)
from live.model import Model
from live.prediction import FIELD_SLICE, TOKEN_COUNT, Prediction
from tests.models import write_model
from tests.music import tune
from training.continuations import (
    NOTES,
    SEED_NOTES,
    between_halves,
    between_pieces,
    continue_all,
    from_seeds,
    judge,
    prompts,
)
from training.continuing import Sampling, bars_of, play_on
from training.copies import longest_copies
from training.measures import (
    agreements,
    beginning,
    divergence,
    histogram,
    in_chords,
    key_of,
    loops,
    manner_of,
)
from training.ngram import count_fields
from training.ngram_network import NGramNetwork

SAMPLING = Sampling(temperature=1.0, min_p=0.05)


def line(pitches, step=24, instrument=0, velocity=None, bar=96):
    """Encode a melody without START and END."""
    return encode_piece(
        Note(i * step, p, instrument, step, velocity, (i * step) % bar)
        for i, p in enumerate(pitches)
    )[1:-1]


def whole(pitches, **how):
    events = line(pitches, **how)
    start, end = encode_piece([])
    return np.concatenate([start[None], events, end[None]])


# -- measures ------------------------------------------------------------------------------------


def test_divergence_is_0_of_equals_1_of_strangers_and_known_between():
    a, b = np.array([1.0, 0.0]), np.array([0.0, 5.0])
    assert divergence(a, a * 7) == 0
    assert divergence(a, b) == pytest.approx(1)
    # H((3/4, 1/4)) - H((1/2, 1/2)) / 2 of (1, 0) and (1/2, 1/2)
    assert divergence(a, np.array([2.0, 2.0])) == pytest.approx(0.311278, abs=1e-6)


def test_an_empty_histogram_is_far_from_any_other():
    assert divergence(np.zeros(3), np.ones(3)) == 1
    assert divergence(np.zeros(3), np.zeros(3)) == 0


def test_chords_are_counted_by_their_size():
    chords = [Note(0, 60), Note(0, 64), Note(0, 67), Note(24, 60), Note(48, 62), Note(48, 65)]
    events = encode_piece(chords)[1:-1]
    counts = histogram("chord size", events)
    assert {size: int(n) for size, n in enumerate(counts) if n} == {1: 1, 2: 1, 3: 1}
    assert int(histogram("onset interval", events).sum()) == 2


def test_the_share_of_notes_in_chords_is_of_all_but_each_chord_s_lowest():
    notes = [Note(0, 60), Note(0, 64), Note(24, 60), Note(48, 62)]
    assert in_chords(encode(notes)) == pytest.approx(1 / 4)


def test_pitch_intervals_are_the_steps_of_the_highest_line():
    chords = [Note(0, 48), Note(0, 60), Note(24, 72), Note(48, 50), Note(48, 71), Note(72, 20)]
    counts = histogram("pitch interval", encode_piece(chords)[1:-1])
    assert {step - 24: int(n) for step, n in enumerate(counts) if n} == {12: 1, -1: 1, -24: 1}
    assert histogram("pitch interval", line([60])).sum() == 0


def test_drums_have_no_pitch():
    events = line([60, 62, 64], instrument=DRUMS)
    assert histogram("pitch class", events).sum() == 0
    assert histogram("duration", events).sum() == 3
    assert key_of(events) == -1


def test_a_block_of_eight_notes_three_times_is_a_loop_and_twice_is_not():
    block = tune(1, 8)
    assert loops(line([50, 51, *block * 3, 52]))
    assert not loops(line([50, 51, *block * 2, 52, *block]))
    assert loops(line([60] * 24))
    assert not loops(line([60] * 23))
    assert not loops(line(tune(2, 100)))


def test_a_block_in_another_rhythm_is_no_loop():
    block = tune(1, 8)
    steps = np.cumsum([24] * 8 + [24] * 8 + [12] * 8)
    notes = [Note(int(s), p) for s, p in zip(steps, block * 3, strict=True)]
    assert not loops(encode_piece(notes)[1:-1])


def test_the_longest_copied_passage_is_found_in_any_key():
    training = [whole(tune(1, 60)), whole(tune(2, 60))]
    passage = [p + 3 for p in tune(2, 60)[10:31]]
    fresh = tune(9, 20)
    copied = line(fresh + passage + tune(10, 10))
    assert longest_copies([copied, line(passage), line([60])], training).tolist()[1:] == [21, 1]
    assert 21 <= longest_copies([copied], training)[0] <= 23  # its neighbours may fit by chance


def test_a_passage_is_not_copied_in_another_rhythm_nor_across_two_pieces():
    one, two = tune(1, 30), tune(2, 30)
    training = [whole(one), whole(two)]
    assert longest_copies([line(one, step=12)], training)[0] == 1
    across = longest_copies([line(one[-10:] + two[:10])], training)[0]
    assert 10 <= across < 15


def test_copies_of_a_library_that_is_shorter_than_the_passage():
    assert longest_copies([line(tune(1, 40))], [whole(tune(1, 5))])[0] == 5
    assert longest_copies([line(tune(1, 40))], [])[0] == 1


@pytest.mark.parametrize("tonic", [0, 5, 11])
def test_keys_are_told_from_scales(tonic):
    major = [60 + tonic + i for i in (0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0)]
    minor = [60 + tonic + i for i in (0, 2, 3, 5, 7, 8, 11, 12, 7, 3, 0)]
    assert key_of(line(major)) == tonic
    assert key_of(line(minor)) == 12 + tonic


def test_what_goes_on_as_before_agrees_and_what_does_not_is_told():
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60]
    prompt = manner_of(line(scale), 11)
    assert agreements(prompt, prompt) == {"key": True, "density": True, "register": True}
    other = manner_of(line([p + 14 for p in scale]), 11 / 1.6)
    assert agreements(prompt, other) == {"key": False, "density": False, "register": False}
    silence = manner_of(line([]), 8)
    assert agreements(prompt, silence) == {"key": False, "density": False, "register": False}


def test_the_beginning_of_a_passage_ends_with_its_time():
    events, beats = beginning(line([60] * 20)[1:], 8 * 24)
    assert (len(events), beats) == (8, 8)
    events, beats = beginning(line([60] * 4)[1:], 8 * 24)
    assert (len(events), beats) == (3, 3)


# -- playing on ----------------------------------------------------------------------------------


def test_bars_are_told_from_where_notes_stand_in_them():
    assert bars_of(line([60] * 12, bar=72)).length_ticks == 72
    assert bars_of(line([60] * 12, bar=72)).bar_ticks(12 * 24) == 0
    unknown = line([60] * 12)
    unknown[:, COLUMN["beat_in_bar"]] = UNKNOWN
    assert bars_of(unknown) is None


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """Draws any token as soon as any other: only the rules hold it back."""
    return Model(write_model(tmp_path_factory.mktemp("model") / "wild.onnx"))


def test_what_is_drawn_keeps_the_rules(wild):
    seed = line(tune(1, 20), instrument=40, bar=72)
    events = play_on(wild, seed, 400, SAMPLING, np.random.default_rng(1))
    assert events.shape == (400, len(FIELDS))
    assert set(events[:, 0]) == set(seed[:, 0])
    assert END not in events[:, 0]
    pitches = events[:, COLUMN["pitch"]]
    assert pitches.min() >= PITCH.encode(21)
    assert pitches.max() <= PITCH.encode(108)
    assert events[:, COLUMN["shift"]].max() <= SHIFT.encode(48)
    assert np.all(events[:, [1, 2, 3]] != UNKNOWN)
    assert np.all(events[:, COLUMN["velocity"]] == UNKNOWN)
    notes = decode(np.concatenate([seed, events]))
    first = notes[0].onset_ticks
    assert all(n.bar_ticks == (n.onset_ticks - first) % 72 for n in notes)
    assert [n.sort_key for n in notes] == sorted(n.sort_key for n in notes)
    assert len({(n.onset_ticks, n.pitch) for n in notes}) == len(notes)


class Climbing:
    """Piles up one chord, a semitone a note, for as long as it may."""

    def zero_states(self):
        return np.zeros((1, 1), np.float32)

    def run(self, events, states, *, logit_bias=None, **how):
        pitch = int(events[-1, COLUMN["pitch"]]) + 1
        barred = logit_bias is not None and logit_bias[FIELD_SLICE["shift"].start + 1] < 0
        shift = SHIFT.encode(24 if barred else 0)
        event = np.array([INSTRUMENT.encode(0), shift, pitch, 1, UNKNOWN], np.int32)
        return Prediction(event, np.zeros((1, 1), np.float32), states)


def test_a_chord_ends_when_it_is_full():
    events = play_on(Climbing(), line([40]), 20, SAMPLING, np.random.default_rng(1))
    together = events[:, COLUMN["shift"]] == SHIFT.encode(0)
    # The seed's note and seven more; then eight; then the rest.
    assert np.flatnonzero(~together).tolist() == [7, 15]


def test_the_seed_s_last_chord_is_gone_on_with(tmp_path):
    chord = encode_piece([Note(0, 60, 0, 24), Note(0, 64, 0, 24), Note(0, 90, 0, 24)])[1:-1]
    low = np.zeros(PITCH.size)
    low[PITCH.encode(60)] = 1.0
    together = np.full(SHIFT.size, 1e-6)
    together[SHIFT.encode(0)] = 1.0
    model = write_model(tmp_path / "low.onnx", {"pitch": low, "shift": together})
    events = play_on(Model(model), chord, 3, Sampling(1.0, 0.0), np.random.default_rng(1))
    assert np.all(events[:, COLUMN["shift"]] != SHIFT.encode(0))


def test_dynamics_are_drawn_where_the_seed_has_them(wild):
    loud = line(tune(1, 20), velocity=90)
    events = play_on(wild, loud, 50, SAMPLING, np.random.default_rng(1))
    assert np.all(events[:, COLUMN["velocity"]] != UNKNOWN)
    assert len(set(events[:, COLUMN["velocity"]])) > 5
    assert VELOCITY.decode(int(events[0, COLUMN["velocity"]])) is not None


def test_several_instruments_go_on_together(wild):
    seed = np.concatenate([line([60, 62], instrument=40), line([50, 52], instrument=42)])
    events = play_on(wild, seed, 60, SAMPLING, np.random.default_rng(1))
    assert set(events[:, 0]) == set(seed[:, 0])


def test_same_chance_same_music_and_other_chance_other(wild):
    seed = line(tune(1, 20))
    one, same, other = (
        play_on(wild, seed, 40, SAMPLING, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_piece_ends_by_itself_only_where_it_may(wild, tmp_path):
    over = np.full(INSTRUMENT.size, 1e-6)
    over[END] = 1.0
    ending = Model(write_model(tmp_path / "ending.onnx", {"instrument": over}))
    ended = [
        len(play_on(model, line(tune(1, 20)), 40, SAMPLING, np.random.default_rng(1), after))
        for model, after in ((ending, None), (ending, 0), (ending, 7), (wild, 7))
    ]
    assert ended[:3] == [40, 0, 7]
    assert 7 <= ended[3] < 40  # as likely as its only instrument


def test_longer_music_is_heard_in_windows_as_live(wild):
    heard = []

    class Listening:
        def zero_states(self):
            heard.append(0)
            return wild.zero_states()

        def run(self, events, states, **how):
            heard[-1] += len(events)
            return wild.run(events, states, **how)

    sampling = Sampling(1.0, 0.05, seed_window=8)
    events = play_on(Listening(), line(tune(1, 10)), 30, sampling, np.random.default_rng(1))
    assert len(events) == 30
    assert len(heard) > 3
    assert all(count <= 3 * 8 for count in heard)  # with what was drawn twice


# -- all together --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pieces():
    return [whole(tune(seed, 260)) for seed in range(4)]


def test_prompts_are_different_places_within_long_pieces(pieces):
    short = whole(tune(9, 227))
    found = prompts([short, *pieces], 50, np.random.default_rng(1))
    assert {p.piece for p in found} == {1, 2, 3, 4}
    assert len({p.truth.tobytes() for p in found}) == 50
    for p in found:
        assert (p.seed.shape, p.truth.shape) == ((SEED_NOTES, len(FIELDS)), (NOTES, len(FIELDS)))
        assert p.seed[0, COLUMN["shift"]] == UNKNOWN
        assert np.all(p.truth[:, COLUMN["pitch"]] != UNKNOWN)


def test_the_last_place_of_a_piece_is_used_too():
    exact = whole(tune(1, SEED_NOTES + NOTES))
    (place,) = prompts([exact], 1, np.random.default_rng(1))
    np.testing.assert_array_equal(place.truth, exact[-1 - NOTES : -1])


def test_held_out_music_that_is_too_short_is_told_in_one_line():
    with pytest.raises(UserError, match="228 notes"):
        prompts([whole(tune(1, 227))], 5, np.random.default_rng(1))


def test_true_continuations_are_as_near_as_can_be(pieces):
    places = prompts(pieces, 10, np.random.default_rng(1))
    figures = judge([p.truth for p in places], places, pieces)
    assert set(figures.distances.values()) == {0.0}
    assert set(figures.distances_each.values()) == {0.0}
    assert set(figures.longest_copies) == {NOTES}
    assert figures.agreements["density"] == 1
    assert figures.loops == figures.chords == 0
    halves = between_halves([p.truth for p in places], np.random.default_rng(1))
    near, far = from_seeds(places), between_pieces(places)
    assert 0 < halves["pitch class"] < near["pitch class"] < far["pitch class"] < 1


def test_a_model_that_knows_the_music_comes_nearer_than_one_that_knows_nothing(wild, pieces):
    places = prompts(pieces[:2], 6, np.random.default_rng(1))
    steps = []
    ngram = continue_all(
        NGramNetwork(list(count_fields(pieces))), places, SAMPLING, 1, steps.append
    )
    assert sum(steps) == 6
    near = judge(ngram, places, pieces)
    far = judge(continue_all(wild, places, SAMPLING, 1), places, pieces)
    for feature in near.distances:
        assert near.distances[feature] <= far.distances[feature]
    assert max(near.longest_copies) > max(far.longest_copies)


class Circling:
    """A network that likes to go round and round through eight pitches, and could do otherwise."""

    def zero_states(self):
        return np.zeros((1, 1), np.float32)

    def run(self, events, states, *, noise=None, logit_bias=0.0, temperature=1.0, min_p=0.0, **_):
        logits = np.zeros(TOKEN_COUNT, np.float32)
        if noise is None:  # the seed is heard
            return Prediction(np.zeros(5, np.int32), logits[None], states)
        for name, token in (("instrument", INSTRUMENT.encode(0)), ("shift", SHIFT.encode(24))):
            logits[FIELD_SLICE[name].start + token] = 40.0
        step = int(states[0, 0])
        logits[FIELD_SLICE["pitch"].start + PITCH.encode(60 + 2 * (step % 8))] = 8.5
        biased = logits + logit_bias
        event = []
        for part in FIELD_SLICE.values():
            gap = biased[part] - biased[part].max()
            scores = np.where(gap < np.log(max(min_p, 1e-9)), -1e9, gap / temperature + noise[part])
            event.append(int(np.argmax(scores)))
        return Prediction(np.array(event, np.int32), logits[None], states + 1)


def test_the_guard_leads_out_of_loops_as_it_does_live():
    seed, how_often = line(tune(1, 20)), {}
    for guard in (False, True):
        sampling = Sampling(1.0, 0.0, loop_guard=guard)
        played = [
            play_on(Circling(), seed, 100, sampling, np.random.default_rng(s)) for s in range(10)
        ]
        how_often[guard] = sum(loops(events) for events in played)
    assert how_often[False] >= 5
    assert how_often[True] <= how_often[False] // 3
