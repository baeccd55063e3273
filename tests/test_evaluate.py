"""Judging a model file: figures that can be told beforehand, and what a user may do wrong."""

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

from live.errors import UserError
from live.events import COLUMN, INSTRUMENT, PITCH, PREDICTED, UNKNOWN, Note, encode_piece
from tests.models import write_model
from tests.music import play, tune
from training.cli import app
from training.continuing import Sampling
from training.evaluate import MODEL, NGRAM, TRUE, as_data, beats_of, evaluate, likelihood
from training.held_out import Music, held_out_music
from training.judgement_page import page
from training.ngram import count_fields, uniform
from training.scoring import STEPS, STREAMS, Judge, tally_baselines, tally_model


def piece(pitches, velocity=None):
    return encode_piece(
        Note(i * 12, p, 0, 12, velocity, i * 12 % 96) for i, p in enumerate(pitches)
    )


def quietly(_name, _steps):
    return lambda _done: None


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Foresees pitch 60 with 1/2, 62 with 1/4, and END with 1/8, whatever it hears."""
    pitch = np.full(PITCH.size, 0.25 / (PITCH.size - 2))
    pitch[PITCH.encode(60)], pitch[PITCH.encode(62)] = 0.5, 0.25
    instrument = np.full(INSTRUMENT.size, 0.375 / (INSTRUMENT.size - 2))
    instrument[2], instrument[INSTRUMENT.encode(0)] = 0.125, 0.5
    path = tmp_path_factory.mktemp("model") / "known.onnx"
    return write_model(path, {"pitch": pitch, "instrument": instrument})


@pytest.fixture(scope="module")
def music():
    training, held_out = ([piece(tune(s, 240)) for s in some] for some in (range(3), range(3, 5)))
    return Music(training, held_out, ("three", "four"))


def test_bits_are_those_of_the_tokens_that_came(known):
    tallies = tally_model(Judge(known), [piece([60, 60, 62, 60])])
    assert tallies["pitch"].targets == 4
    assert tallies["pitch"].bits == pytest.approx(1 + 1 + 2 + 1)
    assert tallies["pitch"].correct == 3
    # Four notes and the END; START is no target.
    assert tallies["instrument"].targets == 5
    assert tallies["instrument"].bits == pytest.approx(4 * 1 + 3)
    assert tallies["velocity"].targets == 0
    assert tallies["shift"].bits == pytest.approx(4 * np.log2(178))


def test_known_velocities_alone_are_counted(known):
    notes = [Note(0, 60, 0, 12, 64), Note(12, 60, 0, 12)]
    tally = tally_model(Judge(known), [encode_piece(notes)])["velocity"]
    assert (tally.targets, tally.bits) == (1, pytest.approx(np.log2(33)))


def test_pieces_of_all_lengths_are_judged_side_by_side_as_alone(known):
    lengths = [1, 2, STEPS - 2, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, *range(3, STREAMS + 3)]
    pieces = [piece([60] * n) for n in lengths]
    steps = []
    tallies = tally_model(Judge(known), pieces, steps.append)
    assert tallies["pitch"].targets == sum(lengths)
    assert tallies["pitch"].bits == pytest.approx(sum(lengths))
    assert tallies["instrument"].targets == sum(steps) == sum(len(p) - 1 for p in pieces)


def test_each_event_is_foreseen_from_those_before_it_however_long_ago(tmp_path):
    instrument = np.full(INSTRUMENT.size, 1 / INSTRUMENT.size)
    path = write_model(tmp_path / "m.onnx", {"instrument": instrument}, echo=1.0, tiring=0.01)
    pitches = [60, 60, 62, 62, 62] * 60
    tallies = tally_model(Judge(path), [piece(pitches), piece([60])])
    echoed = np.log2((PITCH.size - 1 + np.e) / np.e)
    other = np.log2(PITCH.size - 1 + np.e)
    repeated = 60 * 3  # of the first note nothing is echoed: START has no pitch
    firsts = 2 * np.log2(PITCH.size - 1 + np.e)
    expected = repeated * echoed + (300 - repeated - 1) * other + firsts
    assert tallies["pitch"].bits == pytest.approx(expected, rel=1e-5)
    heard = np.arange(301) // STEPS * STEPS  # before the run of each of the longer piece's targets
    every = np.log2(INSTRUMENT.size - 1 + np.exp(0.01 * heard))
    every[-1] -= 0.01 * heard[-1] / np.log(2)
    expected = every.sum() + 2 * np.log2(INSTRUMENT.size)
    assert tallies["instrument"].bits == pytest.approx(expected, rel=1e-5)


def test_uniform_bits_are_the_logarithm_of_what_can_come():
    held_out = [piece(tune(1, 50), velocity=64)]
    tallies = tally_baselines(count_fields(held_out), held_out)["uniform"]
    for f in PREDICTED:
        can_come = np.count_nonzero(uniform(f))
        assert tallies[f.name].bits / tallies[f.name].targets == pytest.approx(np.log2(can_come))
        assert tallies[f.name].correct / tallies[f.name].targets == pytest.approx(1 / can_come)


def test_longer_memories_foresee_better_where_music_repeats():
    phrase = [60, 62, 60, 64, 60, 62, 60, 67]
    tallies = tally_baselines(count_fields([piece(phrase * 20)]), [piece(phrase * 5)])
    assert list(tallies) == ["uniform", "unigram", *(f"order {n}" for n in range(1, 6))]
    bits = [one["pitch"].bits for one in tallies.values()]
    assert all(later < before for before, later in pairwise(bits)), bits


def test_everyone_is_judged_on_the_same_targets(known, music):
    one = tally_model(Judge(known), music.held_out)
    for other in tally_baselines(count_fields(music.training), music.held_out).values():
        assert {n: t.targets for n, t in other.items()} == {n: t.targets for n, t in one.items()}


def test_sums_and_beats(known):
    four = piece([60, 60, 62, 60])
    assert beats_of(four) == 1.5
    tallies = tally_model(Judge(known), [four])
    figures = likelihood(tallies, 1.5)
    times = np.log2(178) + np.log2(177)
    assert figures.bits_per_note["velocity"] is None
    assert figures.bits_per_note["shift + pitch + duration"] == pytest.approx(times + 5 / 4)
    assert figures.bits_per_note["sum"] == pytest.approx(times + 5 / 4 + 7 / 5)
    assert figures.bits_per_beat == pytest.approx((4 * times + 5 + 7) / 1.5)
    assert figures.accuracy["pitch"] == 0.75


def test_a_judgement_is_whole_repeatable_and_fits_on_a_page(known, music):
    sampling = Sampling(1.0, 0.05)
    first = evaluate(Judge(known), music, sampling, 4, 1, quietly)
    again = evaluate(Judge(known), music, sampling, 4, 1, quietly)
    assert json.dumps(as_data(first)) == json.dumps(as_data(again))
    assert list(first.freely.figures) == [MODEL, NGRAM, TRUE]
    assert first.music["held_out_notes"] == 480
    html = page(first, "known & <odd>.onnx")
    assert html == page(again, "known & <odd>.onnx")
    assert "known &amp; &lt;odd&gt;.onnx" in html
    assert html.count("<svg") == 3
    assert f"best n-gram {min(best_sums(first)):.3f}" in html
    assert html.count('class="mine">model') == 2 + 3  # its rows, then its columns
    for outside in ("src=", "<link", "@import", "url(http"):
        assert outside not in html
    without = evaluate(Judge(known), music, sampling, 0, 1, quietly)
    assert without.freely is None
    assert page(without, "x").count("<svg") == 1


def best_sums(judgement):
    names = [name for name in judgement.likelihood if name != MODEL]
    return [judgement.likelihood[name].bits_per_note["sum"] for name in names]


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("music")
    for number in range(6):
        play(path / f"{number}.mid", tune(number, 240))
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_the_command_prints_json_and_writes_a_page(known, folder, tmp_path):
    html = tmp_path / "page.html"
    common = ("--model", known, "--data", folder, "--cache", tmp_path / "cache")
    result = run(*common, "--json", "--html", html, "--continuations", 2)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["model"] == "known.onnx"
    assert told["music"]["held_out_notes"] % 240 == 0
    assert set(told["likelihood"]) == {
        *("uniform", "unigram", MODEL),
        *(f"order {n}" for n in range(1, 6)),
    }
    assert len(told["freely"]["figures"][MODEL]["longest_copies"]) == 2
    assert "<svg" in html.read_text()
    tables = run(*common, "--continuations", 0)
    assert "order 5" in tables.stdout
    assert "bits per beat" in tables.stdout


def test_no_work_is_both_learnt_from_and_judged_by(folder, tmp_path):
    play(tmp_path / "more" / "again.mid", [p + 2 for p in tune(0, 240)])
    music = held_out_music([folder, tmp_path / "more"], tmp_path / "cache", None)
    shapes = [
        {np.diff(p[1:-1, COLUMN["pitch"]]).tobytes() for p in some}
        for some in (music.training, music.held_out)
    ]
    assert shapes[0].isdisjoint(shapes[1])
    assert len(music.names) == len(music.held_out)


def test_settings_can_be_chosen_by_other_works_than_the_model_is_judged_by(folder, tmp_path):
    judged = held_out_music([folder], tmp_path / "cache", None)
    chosen = held_out_music([folder], tmp_path / "cache", None, validation=True)
    assert chosen.names
    assert set(chosen.names).isdisjoint(judged.names)
    for one, other in zip(judged.training, chosen.training, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_pianist_s_reduction_has_one_instrument(tmp_path):
    for number in range(6):
        play(tmp_path / "music" / f"{number}.mid", tune(number, 40))
    music = held_out_music([tmp_path / "music"], tmp_path / "cache", None, keyboard=True)
    instruments = {int(t) for p in music.training for t in p[1:-1, 0]}
    assert instruments == {INSTRUMENT.encode(0)}
    assert UNKNOWN not in music.training[0][1:-1, COLUMN["pitch"]]


@pytest.mark.parametrize("wrong", ["missing", "foreign", "no music", "one piece", "short", "html"])
def test_what_a_user_can_mend_is_one_line(wrong, known, folder, tmp_path):
    model, data, more = known, folder, ["--continuations", "0"]
    if wrong == "missing":
        model = tmp_path / "none.onnx"
    elif wrong == "foreign":
        model = tmp_path / "foreign.onnx"
        model.write_bytes(b"no model")
    elif wrong == "no music":
        data = tmp_path / "empty"
        data.mkdir()
    elif wrong == "one piece":
        data = tmp_path / "one"
        play(data / "only.mid", tune(1))
    elif wrong == "short":
        data, more = tmp_path / "short", ["--continuations", "2"]
        for number in range(4):
            play(data / f"{number}.mid", tune(number, 60))
    else:
        more = ["--html", str(tmp_path / "nowhere" / "page.html")]
    common = ("--model", model, "--data", data, "--cache", tmp_path / "cache")
    result = run(*common, *more)
    assert isinstance(result.exception, UserError)
    assert "\n" not in str(result.exception)


def test_judging_and_generating_start_without_tensorflow():
    program = (
        "import sys, training.cli, training.evaluate_cli, training.generate_cli, training.sheet;"
        "training.cli.app(['evaluate', '--help'], standalone_mode=False);"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
